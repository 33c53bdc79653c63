import { MailxError } from '@mailx/errors/mailx-error'

/** The part of a grpc-js stream (server's or client's) that messages are read from. */
export type MessageSource<Message> = {
  on(event: 'data', listener: (message: Message) => void): unknown
  on(event: 'end', listener: () => void): unknown
  on(event: 'close', listener: () => void): unknown
  pause(): unknown
  resume(): unknown
}

export type MessageQueue<Message> = AsyncIterable<Message> & {
  /** No more messages are wanted: those already here are handed out, then the iteration ends. */
  readonly finish: () => void
  /** Nothing more can come: the iteration throws once it reaches this point. */
  readonly fail: (error: Error) => void
}

const MAX_WAITING = 32

/**
 * The messages of a stream, in order, for one `for await`. At most `MAX_WAITING` lie here unread; then
 * the stream is paused, which in the end stops the sender. Cheaper than the iterator of node streams,
 * which builds three promises for a message.
 */
export function queueMessages<Message>(
  source: MessageSource<Message>,
  /** Asked at the end: why it is not the end the other side meant, if it is not. */
  whyEnded: () => Error | undefined,
  /** Called for each message that is waited for, where messages do not come by themselves. */
  pull: () => void = () => {},
): MessageQueue<Message> {
  const waiting: Message[] = []
  let reader: PromiseWithResolvers<IteratorResult<Message>> | undefined
  let state: { status: 'open' } | { status: 'ended' } | { status: 'failed'; error: Error } = {
    status: 'open',
  }
  let paused = false

  source.on('data', (message) => {
    if (state.status !== 'open') return
    if (reader !== undefined) {
      reader.resolve({ value: message, done: false })
      reader = undefined
    } else if (waiting.push(message) >= MAX_WAITING) {
      paused = true
      source.pause()
    }
  })

  const finish = () => {
    if (state.status !== 'open') return
    state = { status: 'ended' }
    reader?.resolve({ value: undefined, done: true })
    reader = undefined
  }
  const fail = (error: Error) => {
    if (state.status !== 'open') return
    state = { status: 'failed', error }
    reader?.reject(error)
    reader = undefined
  }
  const end = () => {
    const error = whyEnded()
    if (error === undefined) finish()
    else fail(error)
  }
  // A stream that was reset ends first and says a moment later that it was; one that failed says so
  // first and ends when what came before has been read.
  source.on('end', () => setImmediate(end))
  source.on('close', () => setImmediate(end))

  const next = (): Promise<IteratorResult<Message>> => {
    const message = waiting.shift()
    if (message !== undefined) {
      if (paused && waiting.length < MAX_WAITING / 2) {
        paused = false
        source.resume()
      }
      return Promise.resolve({ value: message, done: false })
    }
    if (state.status === 'ended') return Promise.resolve({ value: undefined, done: true })
    if (state.status === 'failed') return Promise.reject(state.error)
    if (reader !== undefined) {
      return Promise.reject(new MailxError('INTERNAL', 'a stream is read in one place only'))
    }
    reader = Promise.withResolvers()
    pull()
    return reader.promise
  }
  const stop = async (): Promise<IteratorResult<Message>> => {
    finish()
    waiting.length = 0
    // Unread messages are dropped, not kept from flowing: the end of the stream comes behind them.
    if (paused) source.resume()
    return { value: undefined, done: true }
  }
  return { [Symbol.asyncIterator]: () => ({ next, return: stop }), finish, fail }
}
