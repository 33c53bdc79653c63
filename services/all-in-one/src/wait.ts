import { MailxError } from '@mailx/errors/mailx-error'
import { withPassword } from '@mailx/event-log/with-password'
import { isPrincipal, principals, rightsOf } from '@mailx/privileges/services'
import { findPrepared } from '@mailx/runtime/wait-for-database'
import type { WaitConfig } from './config.ts'
import { databaseTls } from './database-tls.ts'
import { migrations } from './migrations.ts'

/**
 * Resolves when the role of DATABASE_URL finds everything that the process `name` works on: `gateway`,
 * …, `all-in-one`. UNAVAILABLE until then, INVALID_ARGUMENT for a name that no process has.
 */
export async function findDatabase(
  config: WaitConfig,
  name: string,
  warn: (what: string) => void = console.warn,
): Promise<void> {
  if (!isPrincipal(name) || name === 'operator') {
    const names = principals.filter((one) => one !== 'operator')
    throw new MailxError('INVALID_ARGUMENT', `say for which process: one of ${names.join(', ')}`)
  }
  const schemas: readonly string[] = rightsOf(name).map(({ schema }) => schema)
  await findPrepared({
    url: withPassword(config.DATABASE_URL, config.DATABASE_PASSWORD),
    tls: databaseTls(config),
    migrations: migrations.filter(({ schema }) => schemas.includes(schema)),
    warn,
  })
}
