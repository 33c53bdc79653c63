/**
 * Frames in, results out:
 *
 * 1. Each frame is checked for its size, its session and the rate; then all its submissions go ahead
 *    at once, so that they land in the same group commit, in the order in which they were sent.
 * 2. Each is a trace of its own: a stream lives for hours, and carries very many.
 * 3. A result leaves as soon as it is decided, together with the others of that moment.
 * 4. No more than a window is undecided or unread, and no more than the budget of the process in all
 *    streams together. Then the next frame is not taken, which in the end holds back the sender.
 *
 * A refused submission is a result. A session that ended, or a frame that cannot be, ends the stream.
 */
import { MailxError } from '@mailx/errors/mailx-error'
import { eachMessage } from '@mailx/grpc/each-message'
import { bidi } from '@mailx/grpc/stream'
import type {
  Submission,
  SubmitResult,
  SubmitStreamRequest,
  SubmitStreamResponse,
} from '@mailx/proto/client/v1/client_service'
import { type AcceptDeps, acceptSubmission } from './accept-submission.ts'
import { inFlight } from './in-flight.ts'
import { inOrder, type Turn } from './in-order.ts'
import type { Limits } from './limits.ts'
import { openStreams } from './open-streams.ts'
import type { CallerSession, Sessions } from './sessions.ts'
import { sizeOf } from './size-of.ts'
import { acceptedResult, refusedResult } from './submit-result.ts'
import type { Undecided } from './undecided.ts'

export const MAX_FRAME_BYTES = 4 * 1024 * 1024
const MAX_FRAME_SUBMISSIONS = 1_000

type Deps = AcceptDeps & {
  readonly sessions: Sessions
  readonly limits: Limits
  readonly undecided: Undecided
}

export const submitStream = (deps: Deps) =>
  bidi<SubmitStreamRequest, SubmitStreamResponse>(async (frames, { call, write }) => {
    const session = deps.sessions.require(call)
    const window = inFlight(write, deps.undecided)
    const takeTurn = inOrder()
    openStreams.inc({ kind: 'submit' })
    try {
      await deps.undecided.room()
      await eachMessage(frames, async ({ submissions }) => {
        deps.sessions.check(session)
        checkFrame(submissions)
        const refused = await overLimit(deps, session, submissions)
        for (const submission of submissions) {
          window.add(
            sizeOf(submission),
            refused
              ? Promise.resolve(refusedResult(submission, refused))
              : decide(deps, session, submission, takeTurn()),
          )
        }
        await window.room()
      })
      await window.drained()
    } finally {
      openStreams.dec({ kind: 'submit' })
    }
  })

async function decide(
  deps: AcceptDeps,
  session: CallerSession,
  submission: Submission,
  turn: Turn,
): Promise<SubmitResult> {
  try {
    const arrival = { turn, parent: '' }
    return acceptedResult(submission, await acceptSubmission(deps, session, submission, arrival))
  } catch (error) {
    return refusedResult(submission, error)
  }
}

async function overLimit(
  { limits }: Deps,
  session: CallerSession,
  submissions: readonly Submission[],
): Promise<MailxError | undefined> {
  const copies = submissions.reduce((sum, { envelopes }) => sum + envelopes.length, 0)
  try {
    await limits.submit(session, submissions.length, copies)
    return undefined
  } catch (error) {
    if (error instanceof MailxError) return error
    throw error
  }
}

function checkFrame(submissions: readonly Submission[]): void {
  if (submissions.length > MAX_FRAME_SUBMISSIONS) {
    throw new MailxError(
      'TOO_LARGE',
      `${submissions.length} submissions in a frame, the limit is ${MAX_FRAME_SUBMISSIONS}`,
    )
  }
  const bytes = submissions.reduce((sum, submission) => sum + sizeOf(submission), 0)
  if (bytes <= MAX_FRAME_BYTES) return
  throw new MailxError('TOO_LARGE', `${bytes} bytes in a frame, the limit is ${MAX_FRAME_BYTES}`)
}
