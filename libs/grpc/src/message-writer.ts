/** The part of a grpc-js stream that messages are written to. */
export type MessageSink<Message> = {
  write(message: Message): boolean
  once(event: 'drain', listener: () => void): unknown
}

/**
 * Sends a message. Returns nothing while the other side keeps up and a promise to wait for when it
 * does not; the promise rejects, and later writes throw, once the call is over.
 */
export type Write<Message> = (message: Message) => Promise<void> | undefined

export function writerTo<Message>(
  sink: MessageSink<Message>,
  over: { readonly signal: AbortSignal; readonly reason: () => Error },
): Write<Message> {
  let draining: Promise<void> | undefined
  return (message) => {
    if (over.signal.aborted) throw over.reason()
    if (sink.write(message)) return undefined
    draining ??= new Promise<void>((resolve, reject) => {
      const giveUp = () => reject(over.reason())
      over.signal.addEventListener('abort', giveUp, { once: true })
      sink.once('drain', () => {
        draining = undefined
        over.signal.removeEventListener('abort', giveUp)
        resolve()
      })
    })
    return draining
  }
}
