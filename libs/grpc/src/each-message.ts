/**
 * Has each message taken, in order, the next one only when `take` has resolved. Unlike a `for await`,
 * which keeps its last message while it waits for the next, this holds nothing meanwhile: a server has
 * many streams that wait for long. What `take` throws ends the reading and is thrown.
 */
export async function eachMessage<Message>(
  messages: AsyncIterable<Message>,
  take: (message: Message) => Promise<void>,
): Promise<void> {
  const iterator = messages[Symbol.asyncIterator]()
  try {
    while (await takeNext(iterator, take));
  } catch (error) {
    await iterator.return?.()
    throw error
  }
}

/** False at the end. */
async function takeNext<Message>(
  iterator: AsyncIterator<Message>,
  take: (message: Message) => Promise<void>,
): Promise<boolean> {
  const { value, done = false } = await iterator.next()
  if (!done) await take(value)
  return !done
}
