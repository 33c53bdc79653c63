import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js'

const pulls = new WeakMap<Metadata, () => void>()

/**
 * For a server that strangers reach: a stream in both directions takes one message from its connection
 * when its handler asks for one, and none ahead. What is not asked for stays in the connection's window
 * and stops the sender. Otherwise up to fifty messages of each stream lie here unread.
 */
export const pulledStreams: ServerInterceptor = ({ requestStream, responseStream }, call) => {
  if (!requestStream || !responseStream) return new ServerInterceptingCall(call)
  const pulled = new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata: (metadata, forward) => {
          pulls.set(metadata, pull)
          forward(metadata)
        },
      }),
  })
  let isAskedFor = false
  let isReading = false
  const pull = () => {
    if (isReading) call.startRead()
    isAskedFor = !isReading
    isReading = false
  }
  pulled.startRead = () => {
    if (isAskedFor) call.startRead()
    isReading = !isAskedFor
    isAskedFor = false
  }
  return pulled
}

/** Lets one more message of the call in; undefined where they come by themselves. */
export const pullOf = ({ metadata }: { readonly metadata: Metadata }): (() => void) | undefined =>
  pulls.get(metadata)
