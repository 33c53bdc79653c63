import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import type { UserEvent } from '@mailx/events/identity'
import type { UserIdentity } from '@mailx/proto/keys/v1/keys'
import { readUser } from '../domain-key/identity-state.ts'

/** The attestation after a command: the one it made, or the one that stands when it changed nothing. */
export async function currentIdentity(
  log: EventLog,
  events: readonly UserEvent[],
  address: string,
  domain: string,
): Promise<UserIdentity> {
  const made = events.at(-1)?.data.identity
  if (made !== undefined) return made
  const user = await readUser(log, address, domain)
  if (user.status === 'registered') return user.identity
  throw new MailxError('NOT_FOUND', 'no such user; register the address first')
}
