import { unary } from '@mailx/grpc/unary'
import type { Submission, SubmitResult } from '@mailx/proto/client/v1/client_service'
import { errorType } from '@mailx/telemetry/tracer'
import { type AcceptDeps, acceptSubmission, outcomes } from './accept-submission.ts'
import type { Limits } from './limits.ts'
import type { Sessions } from './sessions.ts'
import { sizeOf } from './size-of.ts'
import { acceptedResult } from './submit-result.ts'
import type { Undecided } from './undecided.ts'

type Deps = AcceptDeps & {
  readonly sessions: Sessions
  readonly limits: Limits
  readonly undecided: Undecided
}

/** Accepted means: committed. A refusal is the call's error; RESOURCE_EXHAUSTED comes before any work. */
export const submit = (deps: Deps) =>
  unary<Submission, SubmitResult>(async (submission, call) => {
    const session = deps.sessions.require(call)
    checkBudget(deps)
    const bytes = sizeOf(submission)
    deps.undecided.add(bytes)
    try {
      await deps.limits.submit(session, 1, submission.envelopes.length)
      return acceptedResult(submission, await acceptSubmission(deps, session, submission))
    } finally {
      deps.undecided.remove(bytes)
    }
  })

/** Also what is refused before any work was decided, as far as operators are concerned. */
function checkBudget({ undecided }: Deps): void {
  try {
    undecided.check()
  } catch (error) {
    outcomes.inc({ code: errorType(error) })
    throw error
  }
}
