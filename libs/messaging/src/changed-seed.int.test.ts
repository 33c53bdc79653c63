import { startNats } from '@mailx/backends/start-nats'
import { inboxOf } from '@mailx/privileges/nats-permissions'
import { eventually } from '@mailx/testing/eventually'
import { tcpProxy } from '@mailx/testing/tcp-proxy'
import { expect, test } from 'vitest'
import { connectNats } from './connect.ts'
import { isConnected } from './connection-state.ts'

test('a new seed is used by the next connection, and one that is none leaves the old one', async () => {
  const [before, after] = await Promise.all([
    startNats({ own: true, say: () => {} }),
    startNats({ own: true, say: () => {} }),
  ])
  // To the client it is one server, which takes another key after its restart.
  const proxy = await tcpProxy({ target: [before.url, after.url] })
  let seed = before.seedOf('mailx', 'gateway')
  const url = new URL(proxy.through(before.url))
  url.username = ''
  url.password = ''
  await after.kill()
  const options = { name: 'test', seed: () => seed, inboxPrefix: inboxOf('gateway') }
  const nats = await connectNats({ url: url.href, ...options })
  try {
    expect(isConnected(nats)).toBe(true)
    seed = `SU${'A'.repeat(56)}`
    proxy.cut()
    await eventually(() => !isConnected(nats))
    await eventually(() => isConnected(nats))
    await after.restart()
    await before.kill()
    await eventually(() => !isConnected(nats))
    seed = after.seedOf('mailx', 'gateway')
    await eventually(() => isConnected(nats))
    await nats.flush()
  } finally {
    await nats.close()
    await proxy.stop()
    await Promise.all([before.stop(), after.stop()])
  }
})
