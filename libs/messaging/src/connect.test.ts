import type { NatsConnection, ServerInfo } from '@nats-io/nats-core'
import { expect, test } from 'vitest'
import { assertJetStream } from './connect.ts'

const connectedTo = (info: Partial<ServerInfo>) => ({ info }) as unknown as NatsConnection

test.each(['2.9.3', '2.8.4', '1.4.1'])('nats-server %s is too old', async (version) => {
  await expect(assertJetStream(connectedTo({ version, jetstream: true }))).rejects.toMatchObject({
    code: 'UNSAFE_CONFIGURATION',
    message: expect.stringContaining('2.9.4 or newer'),
  })
})

test.each(['2.9.4', '2.9.10', '2.14.2', '2.10.0-beta.1', '3.0.0'])(
  'nats-server %s is new enough',
  async (version) => {
    const refusal = assertJetStream(connectedTo({ version, jetstream: false }))
    await expect(refusal).rejects.toThrow('without JetStream')
  },
)
