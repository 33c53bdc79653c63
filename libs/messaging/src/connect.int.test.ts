import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { startContainer } from '@mailx/backends/docker'
import { findBinary } from '@mailx/backends/find-binary'
import { freePort } from '@mailx/backends/free-port'
import { eventually } from '@mailx/testing/eventually'
import { testNats } from '@mailx/testing/test-nats'
import { expect, test } from 'vitest'
import { connectNats } from './connect.ts'

const say = () => {}

/** A nats-server as it starts without any option: JetStream is off. */
async function plainNats(): Promise<{ url: string; stop: () => Promise<unknown> }> {
  const port = await freePort()
  const url = `nats://127.0.0.1:${port}`
  const program = {
    title: 'NATS',
    names: ['nats-server'],
    variable: 'MAILX_NATS_SERVER',
    minimum: [2, 9, 4] as const,
    aptPackages: ['nats-server'],
    brewFormula: 'nats-server',
  }
  try {
    const { file, env } = await findBinary(program, say)
    const options = { env: { ...process.env, ...env }, stdio: 'ignore' } as const
    const server = spawn(file, ['-a', '127.0.0.1', '-p', String(port)], options)
    return { url, stop: () => (server.kill(), once(server, 'exit')) }
  } catch {
    const plan = {
      name: 'NATS',
      image: 'nats:2-alpine',
      port: 4222,
      hostPort: port,
      mountedAt: '/d',
    }
    const command = ['nats-server']
    return startContainer({ ...plan, command, urlOf: () => url, say })
  }
}

test('a server with JetStream is accepted', async () => {
  const server = await testNats()
  const nats = await connectNats({ url: server.url, name: 'test' })
  expect(nats.info?.jetstream).toBe(true)
  await nats.close()
  await server.drop()
})

test('a server without JetStream is refused, and the message says what to set', async () => {
  const server = await plainNats()
  try {
    const refusal = await eventually(async () => {
      const error = await connectNats({ url: server.url, name: 'test' }).catch((e: unknown) => e)
      expect(error).toMatchObject({ code: 'UNSAFE_CONFIGURATION' })
      return error
    })
    expect(refusal).toMatchObject({ message: expect.stringMatching(/without JetStream.*-js/) })
  } finally {
    await server.stop()
  }
})

test('a server that is not there is unavailable', async () => {
  const nowhere = `nats://127.0.0.1:${await freePort()}`
  await expect(connectNats({ url: nowhere, name: 'test' })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryAfterMs: expect.any(Number),
  })
})

test('a wrong password is refused', async () => {
  const server = await testNats()
  const url = new URL(server.url)
  url.password = 'wrong'
  await expect(connectNats({ url: url.href, name: 'test' })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
  await server.drop()
})
