import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { callServerStream, openBidi } from './client-stream.ts'
import { startEcho } from './echo-service.ts'
import { pulledStreams } from './pulled-streams.ts'
import { bidi, serverStream } from './stream.ts'

let stop: (graceMs?: number) => Promise<void> = async () => {}
afterEach(() => stop())

async function start(...[implementation, options]: Parameters<typeof startEcho>) {
  const started = await startEcho(implementation, options)
  stop = started.stop
  return started
}

async function collect<Item>(items: AsyncIterable<Item>, into: Item[] = []): Promise<Item[]> {
  for await (const item of items) into.push(item)
  return into
}

const echo = bidi<string, string>(async (requests, { write }) => {
  for await (const text of requests) await write(text)
})

describe('a stream in both directions', () => {
  test('carries every message, in order', async () => {
    const { client } = await start({ chat: echo })
    const stream = openBidi(client.chat)
    const sent = Array.from({ length: 10_000 }, (_, i) => `${i}`)
    const received = collect(stream.responses)
    for (const text of sent) {
      const full = stream.write(text)
      if (full !== undefined) await full
    }
    stream.end()
    expect(await received).toEqual(sent)
  })

  test('a handler may yield its responses instead', async () => {
    const chat = bidi<string, string>(async function* (requests) {
      for await (const text of requests) yield text.toUpperCase()
    })
    const { client } = await start({ chat })
    const stream = openBidi(client.chat)
    await stream.write('a')
    stream.end()
    expect(await collect(stream.responses)).toEqual(['A'])
  })

  test('a slow reader stops the writer, and both go on when it reads', async () => {
    let written = 0
    const chat = bidi<string, string>(async (_, { write }) => {
      for (; written < 5_000; written++) await write('x'.repeat(10_000))
    })
    const { client } = await start({ chat })
    const stream = openBidi(client.chat)
    const reader = stream.responses[Symbol.asyncIterator]()
    await reader.next()
    // Stands still once all buffers in between are full.
    let before = -1
    await vi.waitUntil(
      () => {
        const still = written > 0 && written === before
        before = written
        return still
      },
      { interval: 300, timeout: 10_000 },
    )
    expect(written).toBeLessThan(2_000)
    let read = 1
    while (!(await reader.next()).done) read += 1
    expect(read).toBe(5_000)
  })

  test('a slow server stops the caller', async () => {
    const release = Promise.withResolvers<void>()
    const chat = bidi<string, string>(async (requests) => {
      await release.promise
      for await (const _ of requests);
    })
    const { client } = await start({ chat })
    const stream = openBidi(client.chat)
    let full: Promise<void> | undefined
    let sent = 0
    while (full === undefined && sent < 10_000) {
      full = stream.write('x'.repeat(10_000))
      sent += 1
    }
    expect(full).toBeInstanceOf(Promise)
    release.resolve()
    await full
    stream.end()
    expect(await collect(stream.responses)).toEqual([])
  })

  test('a server that pulls takes what its handler asks for and no more', async () => {
    const release = Promise.withResolvers<void>()
    const taken: string[] = []
    const chat = bidi<string, string>(async (requests, { write }) => {
      for await (const text of requests) {
        taken.push(text)
        if (taken.length === 1) await release.promise
      }
      await write('all')
    })
    let decoded = 0
    const counting: ServerInterceptor = (_, call) =>
      new ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMessage: (message, forward) => {
              decoded += 1
              forward(message)
            },
          }),
      })
    const { client } = await start({ chat }, { interceptors: [counting, pulledStreams] })
    const stream = openBidi(client.chat)
    const received = collect(stream.responses)
    for (let sent = 0; sent < 40; sent++) await stream.write(`${sent}`)
    stream.end()
    await vi.waitUntil(() => taken.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(decoded).toBe(1)
    release.resolve()
    expect(await received).toEqual(['all'])
    expect(taken).toEqual(Array.from({ length: 40 }, (_, index) => `${index}`))
  })

  test('a caller that leaves is noticed by reading, by writing and by the signal', async () => {
    const seen = Promise.withResolvers<unknown[]>()
    const chat = bidi<string, string>(async (requests, { write, signal }) => {
      const notes: unknown[] = []
      try {
        for await (const text of requests) await write(text)
      } catch (error) {
        notes.push((error as MailxError).code)
      }
      notes.push(signal.aborted)
      try {
        await write('into the void')
      } catch (error) {
        notes.push((error as MailxError).code)
      }
      seen.resolve(notes)
    })
    const { client, lines } = await start({ chat })
    const stream = openBidi(client.chat)
    await stream.write('hello')
    await stream.responses[Symbol.asyncIterator]().next()
    stream.cancel()
    expect(await seen.promise).toEqual(['UNAVAILABLE', true, 'UNAVAILABLE'])
    expect(lines).toEqual([])
  })

  test('a waiting writer wakes up when the caller leaves', async () => {
    const ended = Promise.withResolvers<unknown>()
    const chat = bidi<string, string>(async (_, { write }) => {
      try {
        for (;;) await write('x'.repeat(100_000))
      } catch (error) {
        ended.resolve(error)
      }
    })
    const { client } = await start({ chat })
    const stream = openBidi(client.chat)
    await stream.responses[Symbol.asyncIterator]().next()
    stream.cancel()
    expect(await ended.promise).toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('a refusal ends the stream with its code', async () => {
    const chat = bidi<string, string>(async (requests) => {
      for await (const _ of requests) throw new MailxError('QUOTA_EXCEEDED', 'mailbox is full')
    })
    const { client } = await start({ chat })
    const stream = openBidi(client.chat)
    await stream.write('x')
    await expect(collect(stream.responses)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    expect(stream.signal.aborted).toBe(true)
    expect(() => stream.write('y')).toThrow('mailbox is full')
  })

  test('an error nobody foresaw is a bare INTERNAL, and is logged', async () => {
    const chat = bidi<string, string>(async () => {
      throw new Error('hunter2')
    })
    const { client, lines } = await start({ chat })
    const stream = openBidi(client.chat)
    await expect(collect(stream.responses)).rejects.toMatchObject({ message: 'internal error' })
    expect(lines).toHaveLength(1)
  })

  test('a stopping server answers what came before and then asks to be called again', async () => {
    const came = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const chat = bidi<string, string>(async (requests, { write }) => {
      for await (const text of requests) {
        came.resolve()
        await release.promise
        await write(`done ${text}`)
      }
    })
    const { client, server } = await start({ chat })
    const stream = openBidi(client.chat)
    await stream.write('a')
    const received: string[] = []
    const reading = collect(stream.responses, received)
    await came.promise
    const stopped = server.stop({ graceMs: 5_000 })
    release.resolve()
    await expect(reading).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 100 })
    expect(received).toEqual(['done a'])
    await stopped
  })

  test('what outlives the grace is cut', async () => {
    const cut = Promise.withResolvers<void>()
    const chat = bidi<string, string>(async (_, { write, signal }) => {
      await write('hello')
      signal.addEventListener('abort', () => cut.resolve())
      await cut.promise
    })
    const { client, server } = await start({ chat })
    const stream = openBidi(client.chat)
    const reader = stream.responses[Symbol.asyncIterator]()
    await reader.next()
    await Promise.all([
      expect(reader.next()).rejects.toMatchObject({ code: 'UNAVAILABLE' }),
      server.stop({ graceMs: 50 }),
      cut.promise,
    ])
  })
})

describe('a stream of responses', () => {
  test('hands out what the handler yields', async () => {
    const listen = serverStream<string, string>(async function* (text) {
      yield* [text, text]
    })
    const { client } = await start({ listen })
    expect(await collect(callServerStream(client.listen, 'a').responses)).toEqual(['a', 'a'])
  })

  test('leaving the loop ends the generator at the server', async () => {
    const ended = Promise.withResolvers<void>()
    const listen = serverStream<string, string>(async function* (text) {
      try {
        for (;;) yield text
      } finally {
        ended.resolve()
      }
    })
    const { client } = await start({ listen })
    const { responses, signal } = callServerStream(client.listen, 'a')
    for await (const _ of responses) break
    await ended.promise
    expect(signal.aborted).toBe(true)
  })

  test('a caller can leave a stream on which nothing comes', async () => {
    const ended = Promise.withResolvers<void>()
    const opened = Promise.withResolvers<void>()
    const listen = serverStream<string, string>(async (_, { signal }) => {
      signal.addEventListener('abort', () => ended.resolve())
      opened.resolve()
      await ended.promise
    })
    const { client } = await start({ listen })
    const controller = new AbortController()
    const { responses } = callServerStream(client.listen, 'x', { signal: controller.signal })
    const reading = collect(responses)
    await opened.promise
    controller.abort()
    await expect(reading).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await ended.promise
  })

  test('a stopping server ends it at once, even when its handler waits for something else', async () => {
    const over = Promise.withResolvers<void>()
    const listen = serverStream<string, string>(async (_, { write, signal }) => {
      await write('hello')
      signal.addEventListener('abort', () => over.resolve())
      await new Promise(() => {})
    })
    const { client, server } = await start({ listen })
    const { responses } = callServerStream(client.listen, 'x')
    const reader = responses[Symbol.asyncIterator]()
    await reader.next()
    const startedAt = performance.now()
    const ending = reader.next().catch((error: unknown) => error)
    await server.stop({ graceMs: 60_000 })
    expect(await ending).toMatchObject({ code: 'UNAVAILABLE' })
    await over.promise
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })

  test('a deadline ends it', async () => {
    const listen = serverStream<string, string>(async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    const { client } = await start({ listen })
    const { responses } = callServerStream(client.listen, 'x', { timeoutMs: 100 })
    await expect(collect(responses)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })
})
