import * as z from 'zod'
import { lastGood, type OnTrouble } from './last-good.ts'
import { type Environment, readConfig } from './read-config.ts'

export type FollowSecretOptions<Value> = {
  readonly name: string
  readonly schema: z.ZodType<Value>
  /** As it was read at start. */
  readonly value: Value
  readonly env: Environment
  readonly onTrouble: OnTrouble
}

/**
 * A secret as it is now: read again at each call where it lies in a file (`NAME_FILE`), so that whoever
 * connects anew has the new one. A file that is gone, empty or wrong leaves the last good value.
 */
export function followSecret<Value>(options: FollowSecretOptions<Value>): () => Value {
  const { name, schema, value, env, onTrouble } = options
  const file = env[`${name}_FILE`]
  if (!file) return () => value
  const alone = z.object({ [name]: schema })
  const read = () => readConfig(alone, { [`${name}_FILE`]: file })[name] as Value
  return lastGood({ first: value, read, onTrouble })
}
