import { MailxError } from '@mailx/errors/mailx-error'

/**
 * Every step of a message between submission and push at which a process may die, in the order of its
 * way. Nothing but the fault harness uses them (`tests/faults`).
 */
export const crashPoints = {
  'gateway.before-append': 'a submission was checked, nothing of it is written',
  'log.before-send': 'a batch of events is planned, Postgres has not seen it',
  'log.after-commit': 'Postgres has committed a batch, nobody was told',
  'gateway.after-commit': 'a submission is committed, the client does not know',
  'gateway.after-answer': 'the client was told that its message is accepted',
  'relay.before-publish': 'a batch is committed, JetStream does not have it',
  'relay.after-publish': 'JetStream has a batch, the mark in Postgres does not say so',
  'relay.after-mark': 'the mark in Postgres was moved over what is published',
  'projection.before-apply': 'a page of events is to be applied, its transaction has not begun',
  'projection.before-commit':
    'the rows of a page were sent, whether they are committed is not known',
  'projection.after-commit': 'a page and its checkpoint are committed, nobody was told',
  'reactor.before-effect': 'a page of events is to be reacted to',
  'reactor.after-effect': 'the effect of a page took place, the checkpoint has not moved',
  'outbound.before-send': 'a batch for a peer is composed, the peer has not seen it',
  'outbound.after-send': 'a batch was written to a peer, its answer is not there',
  'outbound.after-answer': 'a peer has answered a batch, nothing of it is recorded',
  'outbound.after-record': 'the outcome of a delivery is recorded, its lane still holds it',
  'inbound.before-append': 'a delivery of a peer was checked, nothing of it is written',
  'inbound.after-commit': 'a delivery is committed, the peer does not know',
  'inbound.after-answer': 'a batch of a peer was answered',
  'storage.before-announce': 'a mailbox has a new entry, its gateway was not told',
  'storage.after-announce': 'a gateway was told of a new entry',
  'gateway.before-push': 'a gateway has heard of a new entry, the recipient has not',
  'gateway.after-push': 'a recipient was told of a new entry',
} as const satisfies Record<string, string>

export type CrashPoint = keyof typeof crashPoints

export type CrashSwitch = { readonly point: CrashPoint; readonly nth: number }

let armed: CrashPoint | undefined
let left = 0

/** Kills the process, as a crash would, if it was told to die here; else does nothing. */
export function crashAt(point: CrashPoint): void {
  if (point !== armed) return
  left -= 1
  if (left === 0) process.kill(process.pid, 'SIGKILL')
}

/**
 * Has the process die at the point that MAILX_CRASH_AT names. To be called once, at its start. Throws
 * INVALID_ARGUMENT for a value that is none, UNSAFE_CONFIGURATION for any value in production.
 */
export function armCrashSwitch(env: Readonly<Record<string, string | undefined>>): void {
  const chosen = readCrashSwitch(env)
  armed = chosen?.point
  left = chosen?.nth ?? 0
}

/** `<point>` or `<point>:<n>`: at the first, or n-th, time that the process gets there. */
export function readCrashSwitch({
  MAILX_CRASH_AT: text = '',
  NODE_ENV: mode,
}: Readonly<Record<string, string | undefined>>): CrashSwitch | undefined {
  if (text === '') return undefined
  if (mode !== 'development' && mode !== 'test') {
    throw new MailxError(
      'UNSAFE_CONFIGURATION',
      'MAILX_CRASH_AT makes a process kill itself: it is refused in production (unset it)',
    )
  }
  const [, name = '', nth = '1'] = /^([a-z.-]+)(?::([1-9]\d{0,6}))?$/.exec(text) ?? []
  if (isCrashPoint(name)) return { point: name, nth: Number(nth) }
  throw new MailxError(
    'INVALID_ARGUMENT',
    `MAILX_CRASH_AT is '${text}': write <point> or <point>:<n>, with one of ${Object.keys(crashPoints).join(', ')}`,
  )
}

const isCrashPoint = (name: string): name is CrashPoint => Object.hasOwn(crashPoints, name)
