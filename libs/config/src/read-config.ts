import { readFileSync } from 'node:fs'
import { MailxError } from '@mailx/errors/mailx-error'
import type * as z from 'zod'
import { nearestName } from './nearest-name.ts'
import { notesOf } from './variable.ts'

export type Environment = Readonly<Record<string, string | undefined>>
type Problems = Map<string, string>

/**
 * Reads the variables that `schema` names, once, at start. Throws INVALID_ARGUMENT listing every
 * problem, one line each, sorted: `NAME: what is wrong (what to write)`. No value is ever shown. A
 * variable that is set but empty counts as not set; a secret may come from the file in `NAME_FILE`.
 */
export function readConfig<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  env: Environment = process.env,
): z.infer<z.ZodObject<Shape>> {
  const variables = schema.shape as unknown as Readonly<Record<string, z.ZodType>>
  const problems: Problems = new Map()
  const values = readValues(variables, env, problems)
  const result = schema.safeParse(values)
  if (!result.success) {
    for (const issue of result.error.issues) addIssue(issue, variables, values, problems)
  }
  reportMisspelt(variables, env, problems)
  if (problems.size > 0 || !result.success) {
    const lines = [...problems].map(([name, problem]) => `  ${name}: ${problem}`).toSorted()
    throw new MailxError('INVALID_ARGUMENT', `the configuration is wrong\n${lines.join('\n')}`)
  }
  return result.data
}

function readValues(
  variables: Readonly<Record<string, z.ZodType>>,
  env: Environment,
  problems: Problems,
): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, schema] of Object.entries(variables)) {
    const value = env[name] || undefined
    const file = notesOf(schema).secret ? env[`${name}_FILE`] || undefined : undefined
    if (value !== undefined && file !== undefined) {
      problems.set(name, `is set twice (keep either ${name} or ${name}_FILE)`)
    }
    if (value !== undefined) values[name] = value
    else if (file !== undefined) {
      const secret = readSecret(name, file, problems)
      if (secret !== undefined) values[name] = secret
    }
  }
  return values
}

function readSecret(name: string, file: string, problems: Problems): string | undefined {
  try {
    const secret = readFileSync(file, 'utf8').trim()
    if (secret !== '') return secret
    problems.set(name, `${name}_FILE names an empty file (write the value into ${file})`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    problems.set(name, `${name}_FILE cannot be read: ${code} (make ${file} readable)`)
  }
  return undefined
}

function addIssue(
  issue: z.core.$ZodIssue,
  variables: Readonly<Record<string, z.ZodType>>,
  values: Record<string, string>,
  problems: Problems,
): void {
  const name = issue.path[0] === undefined ? 'configuration' : String(issue.path[0])
  if (problems.has(name)) return
  const schema = variables[name]
  const write = schema === undefined ? undefined : notesOf(schema).write
  const missing = schema !== undefined && values[name] === undefined
  const what = missing ? 'is not set' : wrong(issue)
  problems.set(name, write === undefined ? what : `${what} (write ${write})`)
}

/** zod's own words, which never repeat the value. */
function wrong(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `is not one of ${issue.values.map(String).join(', ')}`
  return issue.message.replace(/^Invalid (input|string): ?/, 'is wrong: ')
}

/** A variable that looks like a known one which is not set is a slip, not a stranger's. */
function reportMisspelt(
  variables: Readonly<Record<string, z.ZodType>>,
  env: Environment,
  problems: Problems,
): void {
  const isSet = (name: string) => Boolean(env[name] || env[`${name}_FILE`])
  const unset = Object.keys(variables).filter((name) => !isSet(name))
  const isFileOfSecret = (name: string) => {
    const secret = variables[name.replace(/_FILE$/, '')]
    return name.endsWith('_FILE') && secret !== undefined && notesOf(secret).secret === true
  }
  for (const name of Object.keys(env)) {
    if (name in variables || isFileOfSecret(name) || !env[name]) continue
    const plain = name.replace(/^MAILX_/, '')
    const known = plain !== name && plain in variables ? plain : nearestName(plain, unset)
    if (known !== undefined) problems.set(name, `is not read (did you mean ${known}?)`)
  }
}
