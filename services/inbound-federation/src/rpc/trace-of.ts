import { MailxError } from '@mailx/errors/mailx-error'
import type { ConnectionOf } from '@mailx/federation/peer-server'
import type { ServerCall, TraceTrust } from '@mailx/grpc/rpc-call'

export type TraceOf = (call: ServerCall) => TraceTrust

/** A peer's trace is continued only where the operator lists the peer; else ours links to it. */
export const traceOf =
  (connectionOf: ConnectionOf, isTraced: (peer: string) => boolean): TraceOf =>
  (call) => {
    try {
      return isTraced(connectionOf(call).peer) ? 'parent' : 'link'
    } catch (error) {
      // The connection is gone; the call will find out by itself.
      if (error instanceof MailxError) return 'link'
      throw error
    }
  }
