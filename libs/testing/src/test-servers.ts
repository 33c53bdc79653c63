import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { MailxError } from '@mailx/errors/mailx-error'
import { inject } from 'vitest'

/** The ways into a NATS account: as its owner, and the seed of each service's user by name. */
export type NatsAccess = {
  readonly url: string
  readonly seeds: Readonly<Record<string, string>>
}

/** The servers that one run of the tests shares. */
export type TestServers = {
  readonly postgresUrl: string
  readonly natsAccounts: readonly NatsAccess[]
  readonly redisUrl: string
  /** A folder in which the test files, each in its own process, count together. */
  readonly counters: string
}

declare module 'vitest' {
  interface ProvidedContext {
    servers: TestServers
  }
}

/** Only for integration tests (`*.int.test.ts` and `tests/`): unit tests have no servers. */
export function testServers(): TestServers {
  const servers: TestServers | undefined = inject('servers')
  if (servers !== undefined) return servers
  throw new MailxError(
    'FAILED_PRECONDITION',
    'a test that needs servers is called *.int.test.ts or is in tests/',
  )
}

/** 0, 1, 2, …: each number once per run of the tests, in whichever process. */
export function takeNumber(counters: string, what: string): number {
  for (let number = 0; ; number++) {
    try {
      mkdirSync(join(counters, `${what}-${number}`))
      return number
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}
