import { unary } from '@mailx/grpc/unary'
import type { Submission, SubmitResult } from '@mailx/proto/client/v1/client_service'
import { type AcceptDeps, acceptSubmission } from './accept-submission.ts'
import type { Limits } from './limits.ts'
import type { Sessions } from './sessions.ts'
import { acceptedResult } from './submit-result.ts'

type Deps = AcceptDeps & { readonly sessions: Sessions; readonly limits: Limits }

/** Accepted means: committed. A refusal is the call's error. */
export const submit = (deps: Deps) =>
  unary<Submission, SubmitResult>(async (submission, call) => {
    const session = deps.sessions.require(call)
    await deps.limits.submit(session, 1, submission.envelopes.length)
    return acceptedResult(submission, await acceptSubmission(deps, session, submission))
  })
