import { stringify } from 'yaml'
import { type DocumentedValue, documentedValues } from './document-values.ts'

const WIDTH = 100

const head = `# Values of the chart mailx, each with its default. Made of the schema in tools/chart by
# \`npm run chart:generate\`: change it there. What is wrong is refused before anything is rendered.
`

/** values.yaml: every value that has a default, with what it is. Variables are named in comments. */
export function valuesYaml(): string {
  return documentedValues().reduce((text, value) => text + entry(value), head)
}

function entry({ path, doc, value, isGroup }: DocumentedValue): string {
  const key = path.at(-1) ?? ''
  const indent = '  '.repeat(path.length - 1)
  const isVariable = /^[A-Z][A-Z0-9_]+$/.test(key)
  // All the others' variables, which are above it in the file.
  if (isVariable && path.includes('all-in-one')) return ''
  if (isVariable) return comment(`${key}: ${doc}`, indent)
  if (value === undefined) return ''
  const gap = path.length === 1 || (path.length === 2 && path[0] === 'services') ? '\n' : ''
  // In a service's block only `defaults` explains what all blocks have.
  const text = path[0] === 'services' && path.length > 2 ? '' : comment(doc, indent)
  const open = isGroup && Object.keys(value as object).length > 0
  const rest = open ? '' : inline(value, indent)
  return `${gap}${text}${indent}${key}:${rest}\n`
}

function inline(value: unknown, indent: string): string {
  const isFilled = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  if (!isFilled) return ` ${stringify(value, { version: '1.1', singleQuote: true }).trim()}`
  const lines = stringify(value, { version: '1.1', singleQuote: true, lineWidth: 0 })
    .trimEnd()
    .split('\n')
  return lines.map((line) => `\n${indent}  ${line}`).join('')
}

function comment(text: string, indent: string): string {
  if (text === '') return ''
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    const longer = `${last} ${word}`
    if (last !== undefined && indent.length + 2 + longer.length <= WIDTH)
      lines.splice(-1, 1, longer)
    else lines.push(word)
  }
  return lines.map((line) => `${indent}# ${line}\n`).join('')
}
