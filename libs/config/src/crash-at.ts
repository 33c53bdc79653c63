import { MailxError } from '@mailx/errors/mailx-error'

/**
 * Every step of a message between submission and push at which a process may die, in the order of its
 * way. Nothing but the fault harness uses them (`tests/faults`).
 */
export const crashPoints = {
  'gateway.after-upload': 'a part of an attachment is stored, the client does not know',
  'gateway.before-append': 'a submission was checked, nothing of it is written',
  'log.before-send': 'a batch of events is planned, Postgres has not seen it',
  'log.before-commit': 'a batch is written behind the locked head, its COMMIT was not sent',
  'log.after-commit': 'Postgres has committed a batch, nobody was told',
  'log.after-doubt': 'a batch whose COMMIT nobody answered was found in the log, nobody was told',
  'gateway.after-commit': 'a submission is committed, the client does not know',
  'gateway.after-repeat': 'a submission was accepted before, the client does not know',
  'gateway.after-answer': 'the client was told that its message is accepted',
  'relay.before-publish': 'a batch is committed, JetStream does not have it',
  'relay.after-publish': 'JetStream has a batch, the mark in Postgres does not say so',
  'relay.after-mark': 'the mark in Postgres was moved over what is published',
  'sweep.before-publish': 'what nobody published was read back, JetStream does not have it',
  'sweep.after-publish': 'JetStream has what nobody had published, the mark does not say so',
  'sweep.after-mark': 'the mark was moved over what nobody had published',
  'processor.after-fallback': 'what JetStream did not bring was read from Postgres, not applied',
  'projection.before-apply': 'a page of events is to be applied, its transaction has not begun',
  'projection.before-commit':
    'the rows of a page were sent, whether they are committed is not known',
  'projection.after-commit': 'a page and its checkpoint are committed, nobody was told',
  'reactor.before-effect': 'a page of events is to be reacted to',
  'reactor.after-effect': 'the effect of a page took place, the checkpoint has not moved',
  'processor.after-store': 'a checkpoint was moved over events that changed no table',
  'outbound.after-take-over': 'lanes are locked by this process, it has read nothing of them',
  'outbound.after-refill': 'what is due was read from Postgres, nothing of it was sent',
  'outbound.before-send': 'a batch for a peer is composed, the peer has not seen it',
  'outbound.after-part': 'a part of an attachment was written to a peer, its batch was not',
  'outbound.after-send': 'a batch was written to a peer, its answer is not there',
  'outbound.after-answer': 'a peer has answered a batch, nothing of it is recorded',
  'outbound.after-record': 'the outcome of a delivery is recorded, its lane still holds it',
  'outbound.after-floor': 'it is noted up to where everything of a lane is final',
  'outbound.after-pause': 'it is noted that a peer is left alone, the senders were not told',
  'outbound.after-deferral': 'a sender was told why mail waits, others were not',
  'outbound.after-notice': 'a sender was told of a delay, the lane goes on as before',
  'outbound.before-bounce': 'a peer is found not to exist, no sender was told',
  'outbound.after-bounce': 'a delivery has bounced for good, others of its lane have not',
  'inbound.after-part': 'a part of an attachment is stored, not whose it is',
  'inbound.after-upload': 'a part of an attachment is stored, and whose it is',
  'inbound.before-append': 'a delivery of a peer was checked, nothing of it is written',
  'inbound.after-commit': 'a delivery is committed, the peer does not know',
  'inbound.after-repeat': 'a delivery was received before, the peer does not know',
  'inbound.before-answer': 'the answer to a batch is signed, the peer does not have it',
  'inbound.after-answer': 'a batch of a peer was answered',
  'storage.before-announce': 'a mailbox has a new entry, its gateway was not told',
  'storage.after-announce': 'a gateway was told of a new entry',
  'gateway.before-push': 'a gateway has heard of a new entry, the recipient has not',
  'gateway.after-push': 'a recipient was told of a new entry',
} as const satisfies Record<string, string>

export type CrashPoint = keyof typeof crashPoints

/** `stop`: the process stands still there until somebody lets it go on (SIGCONT). */
type CrashSwitch = {
  readonly point: CrashPoint
  readonly nth: number
  readonly how: 'kill' | 'stop'
}

let armed: CrashSwitch | undefined
let left = 0

/** Kills or stops the process if it was told to die, or to stand still, here; else does nothing. */
export function crashAt(point: CrashPoint): void {
  if (point !== armed?.point) return
  left -= 1
  if (left === 0) process.kill(process.pid, armed.how === 'kill' ? 'SIGKILL' : 'SIGSTOP')
}

/**
 * Has the process die at the point that MAILX_CRASH_AT names. To be called once, at its start. Throws
 * INVALID_ARGUMENT for a value that is none, UNSAFE_CONFIGURATION for any value in production.
 */
export function armCrashSwitch(env: Readonly<Record<string, string | undefined>>): void {
  armed = readCrashSwitch(env)
  left = armed?.nth ?? 0
}

/**
 * `<point>` or `<point>:<n>`: at the first, or n-th, time that the process gets there; with `:stop` behind
 * it, it stands still there and is not killed.
 */
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
  const [, name = '', nth = '1', stop] = /^([a-z.-]+)(?::([1-9]\d{0,6}))?(:stop)?$/.exec(text) ?? []
  if (isCrashPoint(name)) return { point: name, nth: Number(nth), how: stop ? 'stop' : 'kill' }
  throw new MailxError(
    'INVALID_ARGUMENT',
    `MAILX_CRASH_AT is '${text}': write <point> or <point>:<n>, and :stop behind it to stand still, with one of ${Object.keys(crashPoints).join(', ')}`,
  )
}

const isCrashPoint = (name: string): name is CrashPoint => Object.hasOwn(crashPoints, name)
