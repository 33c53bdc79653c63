import type { CurrentKeys } from '@mailx/crypto/current-keys'
import { variables } from './common.ts'
import { followSecret } from './follow-secret.ts'
import type { OnTrouble } from './last-good.ts'
import type { Environment } from './read-config.ts'

/** Asked for with every message: so often a look into the file costs nothing. */
const LOOK_EVERY_MS = 1_000

const followed = ['BUS_KEY', 'SESSION_KEY'] as const

/**
 * The configuration with its keys as they are now: those in a file (`NAME_FILE`) are read again, at
 * most once a second. A file that is gone, empty or wrong leaves the last good keys.
 */
export function followKeys<Config extends object>(
  config: Config,
  env: Environment,
  onTrouble: (name: string) => OnTrouble,
): Config {
  const names = followed.filter((name) => name in config && env[`${name}_FILE`])
  const values = config as Readonly<Record<(typeof followed)[number], CurrentKeys>>
  const now = names.map((name) => {
    const schema = variables[name]
    const options = { name, schema, value: values[name], env, onTrouble: onTrouble(name) }
    return [name, seldom(followSecret(options))]
  })
  return { ...config, ...Object.fromEntries(now) }
}

function seldom(read: () => CurrentKeys): CurrentKeys {
  let keys = read()
  let lookedAt = performance.now()
  return () => {
    const now = performance.now()
    if (now - lookedAt >= LOOK_EVERY_MS) {
      lookedAt = now
      keys = read()
    }
    return keys()
  }
}
