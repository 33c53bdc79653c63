/**
 * The way of a submission, all of it in this process:
 *
 * 1. Check what it says of itself against the session (pure).
 * 2. Check its age, find each recipient's route, see that nobody here is full and that attachments
 *    were uploaded. A message refused here may have been accepted before: then that counts.
 * 3. Decide as if the message id were new, and append, in turn: however long the look-ups of 2 took,
 *    messages of one stream get into the log in the order in which they came. COMMIT makes it ours.
 * 4. CONFLICT: the id was used. The same message is accepted as of then, another one refused.
 *
 * UNAVAILABLE and RESOURCE_EXHAUSTED come from the append; a repeat of the same bytes is safe.
 */
import { crashAt } from '@mailx/config/crash-at'
import { formatId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Blob, EventLog, StoredEvent } from '@mailx/event-log/event-log'
import type { Sql } from '@mailx/event-log/sql'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import { submissionEvents } from '@mailx/events/submission'
import type { Submission } from '@mailx/proto/client/v1/client_service'
import { Route } from '@mailx/proto/submission/v1/events'
import { counter, objective } from '@mailx/telemetry/metrics'
import { traceparentOf } from '@mailx/telemetry/propagation'
import { errorType, withSpan } from '@mailx/telemetry/tracer'
import { type Span, SpanKind } from '@opentelemetry/api'
import {
  checkCreatedAt,
  checkSubmission,
  type SealedMessage,
} from '../deciders/check-submission.ts'
import { type AcceptMessage, submission as decider, isSameMessage } from '../deciders/submission.ts'
import type { KnownState } from '../reactors/known-state.ts'
import { attachmentBlobs } from './attachment-blobs.ts'
import { noTurn, type Turn } from './in-order.ts'
import type { CallerSession } from './sessions.ts'
import { domainOf, type Users } from './users.ts'

export type AcceptDeps = {
  readonly log: EventLog
  readonly sql: Sql
  readonly known: Pick<KnownState, 'isHosted' | 'isFull'>
  readonly users: Users
  readonly bounceAfterMs: number
  readonly now: () => number
}

/** When the message became ours. */
export type Acceptance = { readonly acceptedAt: number }

export const outcomes = counter({
  name: 'mailx_gateway_submissions_total',
  help: 'Submissions decided, by code; ok is accepted.',
  labelNames: ['code'],
})

// Those an objective is about. A counter that begins at 1 has not grown, as Prometheus sees it.
for (const code of ['ok', 'UNAVAILABLE', 'INTERNAL', 'DEADLINE_EXCEEDED', 'STORAGE_FULL']) {
  outcomes.inc({ code }, 0)
}

const recipients = counter({
  name: 'mailx_accepted_recipients_total',
  help: 'Recipients of accepted messages, by where they are: each has to reach a final state.',
  labelNames: ['route'],
})

const duration = objective({
  name: 'mailx_submit_duration_seconds',
  help: 'From the arrival of a submission to its acceptance (after COMMIT) or refusal.',
  labelNames: ['outcome'],
  zeros: [{ outcome: 'ok' }],
})

/** How a submission came. */
export type Arrival = {
  readonly turn: Turn
  /** The trace of one that names none itself: undefined is that of the call, empty a new one. */
  readonly parent: string | undefined
}

const byItself: Arrival = { turn: noTurn, parent: undefined }

/** Resolves after COMMIT. Rejects with the reason of the refusal; nothing is stored then. */
export const acceptSubmission = (
  deps: AcceptDeps,
  session: CallerSession,
  submission: Submission,
  { turn, parent }: Arrival = byItself,
): Promise<Acceptance> =>
  withSpan(
    'submit',
    { kind: SpanKind.PRODUCER, parent: submission.traceparent || parent },
    async (span) => {
      describe(span, submission)
      const startedAt = performance.now()
      const settled = (outcome: string) => {
        const seconds = (performance.now() - startedAt) / 1000
        duration.observe({ outcome }, seconds, traceparentOf(span))
        outcomes.inc({ code: outcome })
      }
      try {
        const acceptance = await accept(deps, session, submission, turn)
        settled('ok')
        return acceptance
      } catch (error) {
        settled(errorType(error))
        throw error
      } finally {
        turn.pass()
      }
    },
  )

async function accept(
  deps: AcceptDeps,
  session: CallerSession,
  submission: Submission,
  turn: Turn,
): Promise<Acceptance> {
  const message = checkSubmission(submission, session)
  const stream = `submission/${formatId(message.messageId)}/${session.address}`
  const place = { context: 'submission', key: session.address, stream }
  let command: AcceptMessage
  try {
    command = await commandFor(deps, session, message)
  } catch (error) {
    const earlier = isRefusal(error) ? await earlierAcceptance(deps, place, message) : undefined
    if (earlier) return earlier
    throw error
  }
  const earlierOnes = turn.wait()
  if (earlierOnes !== undefined) await earlierOnes
  try {
    crashAt('gateway.before-append')
    const appending = deps.log.append({
      ...place,
      expectedVersion: 0,
      events: decider.decide(command, decider.initialState).map((event) => ({
        ...encodeEvent(submissionEvents, event),
        metadata: { actor: session.actor },
      })),
      blobs: blobsOf(message, command.routes),
    })
    turn.pass()
    const { recordedAt } = await appending
    for (const route of command.routes) recipients.inc({ route: routeNames[route] ?? 'other' })
    crashAt('gateway.after-commit')
    return { acceptedAt: recordedAt }
  } catch (error) {
    if (!(error instanceof MailxError) || error.code !== 'CONFLICT') throw error
  }
  const [stored] = await deps.log.readStream(place)
  if (stored === undefined) {
    throw new MailxError('UNAVAILABLE', 'the log could not say what became of it: submit again')
  }
  decider.decide(command, stateOf(stored))
  crashAt('gateway.after-repeat')
  return { acceptedAt: stored.recordedAt }
}

const routeNames: Readonly<Partial<Record<Route, string>>> = {
  [Route.LOCAL]: 'local',
  [Route.REMOTE]: 'remote',
  [Route.UNDELIVERABLE]: 'undeliverable',
}

async function commandFor(
  deps: AcceptDeps,
  session: CallerSession,
  message: SealedMessage,
): Promise<AcceptMessage> {
  const now = deps.now()
  checkCreatedAt(message.createdAt, now)
  const routes: Route[] = []
  for (const { recipient } of message.envelopes) routes.push(await routeTo(deps, recipient))
  const attachments = await attachmentBlobs(deps.sql, message, now)
  const expiresAt = now + deps.bounceAfterMs
  return { type: 'AcceptMessage', session, message, routes, attachments, expiresAt }
}

async function routeTo({ known, users }: AcceptDeps, recipient: string): Promise<Route> {
  if (!known.isHosted(domainOf(recipient))) return Route.REMOTE
  if (!(await users.exists(recipient))) return Route.UNDELIVERABLE
  if (!known.isFull(recipient)) return Route.LOCAL
  throw new MailxError(
    'QUOTA_EXCEEDED',
    `the mailbox of ${recipient} is full: send it without them, or when they have made room`,
  )
}

/** The sealed bytes that somebody will need. Whoever cannot be reached needs none. */
function blobsOf(message: SealedMessage, routes: readonly Route[]): Blob[] {
  const envelopes = message.envelopes.flatMap(({ hash, bytes }, index) =>
    routes[index] === Route.UNDELIVERABLE ? [] : [{ hash, data: bytes }],
  )
  if (envelopes.length === 0) return []
  return [{ hash: message.contentHash, data: message.content }, ...envelopes]
}

type Place = { readonly context: string; readonly key: string; readonly stream: string }

/** A repeat must get the first answer, however late it comes and whatever changed in between. */
async function earlierAcceptance(
  { log }: AcceptDeps,
  place: Place,
  message: SealedMessage,
): Promise<Acceptance | undefined> {
  const [stored] = await log.readStream(place)
  if (stored === undefined) return undefined
  const state = stateOf(stored)
  if (state.status !== 'accepted' || !isSameMessage(message, state.accepted)) return undefined
  return { acceptedAt: stored.recordedAt }
}

function stateOf(stored: StoredEvent) {
  const event = decodeEvent(submissionEvents, stored)
  return event ? decider.evolve(decider.initialState, event) : decider.initialState
}

/** The message was judged, not the surroundings. */
const isRefusal = (error: unknown): boolean =>
  error instanceof MailxError &&
  ['EXPIRED', 'FROM_THE_FUTURE', 'QUOTA_EXCEEDED', 'NOT_FOUND', 'TOO_LARGE'].includes(error.code)

function describe(span: Span, submission: Submission): void {
  if (!span.isRecording()) return
  span.setAttributes({
    'messaging.system': 'mailx',
    'messaging.operation.type': 'send',
    'messaging.operation.name': 'submit',
    'messaging.destination.name': 'submission',
    'messaging.message.body.size': submission.content.length,
    'mailx.message.recipients': submission.envelopes.length,
    ...(submission.messageId.length === 16 && {
      'messaging.message.id': formatId(submission.messageId),
    }),
  })
}
