import { randomBytes } from '@mailx/crypto/random'
import { callUnary } from '@mailx/grpc/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GatewayRig, startRig } from '../testing/gateway-rig.ts'
import { sealedSubmission } from '../testing/sealed-submission.ts'

let rig: GatewayRig
beforeAll(async () => {
  rig = await startRig()
  await rig.publishList('bob@a.test', 1, [new Uint8Array(16).fill(1)])
})
afterAll(() => rig.stop())

type Settings = Parameters<typeof rig.submit>[1]

const refusal = (code: string, message = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

const status = (messageIds: readonly Uint8Array[], settings: Settings) =>
  callUnary(rig.client.getDeliveryStatus, { messageIds }, settings)

test('every call that concerns a user needs a session', async () => {
  await expect(status([], {})).rejects.toEqual(refusal('UNAUTHENTICATED', /needs a session/))
  const bad = { metadata: { authorization: 'Basic abc' } }
  await expect(status([], bad)).rejects.toEqual(refusal('UNAUTHENTICATED', /Bearer/))
  const noise = { metadata: { authorization: 'Bearer ???' } }
  await expect(status([], noise)).rejects.toEqual(refusal('UNAUTHENTICATED', /base64/))
})

test('a token that nobody here sealed, or that was changed, is none', async () => {
  const token = rig.tokenFor('alice@a.test')
  const changed = Uint8Array.from(token)
  changed[10] = (changed[10] ?? 0) ^ 1
  for (const wrong of [randomBytes(80), changed]) {
    await expect(status([], rig.signedIn(wrong))).rejects.toEqual(refusal('UNAUTHENTICATED'))
  }
})

test('a session that ran out is refused as such, and nothing is stored', async () => {
  const token = rig.tokenFor('alice@a.test', { issuedAt: 1, expiresAt: Date.now() - 1 })
  const before = await rig.heads()
  await expect(
    rig.submit(sealedSubmission({ to: ['bob@a.test'] }), rig.signedIn(token)),
  ).rejects.toEqual(refusal('SESSION_EXPIRED'))
  expect(await rig.heads()).toBe(before)
})

test('the session of a removed device ends at once, those of the others go on', async () => {
  const [kept, removed] = [randomBytes(16), randomBytes(16)]
  const user = 'dora@a.test'
  await rig.publishList(user, 1, [kept, removed])
  const old = rig.signedIn(rig.tokenFor(user, { deviceId: removed }))
  const other = rig.signedIn(rig.tokenFor(user, { deviceId: kept }))
  const send = (deviceId: Uint8Array, settings: Settings) =>
    rig.submit(sealedSubmission({ from: user, deviceId, to: ['bob@a.test'] }), settings)
  await send(removed, old)
  await rig.publishList(user, 2, [kept])
  await expect
    .poll(() =>
      send(removed, old).then(
        () => 'accepted',
        ({ code }: { code: string }) => code,
      ),
    )
    .toBe('DEVICE_REVOKED')
  const before = await rig.heads()
  await expect(send(removed, old)).rejects.toEqual(refusal('DEVICE_REVOKED'))
  expect(await rig.heads()).toBe(before)
  await send(kept, other)
})

test('an open stream of a removed device is cut, and so is one whose session runs out', async () => {
  const user = 'emil@a.test'
  const [kept, removed] = [randomBytes(16), randomBytes(16)]
  await rig.publishList(user, 1, [kept, removed])
  const endOf = async (token: Uint8Array) => {
    const stream = rig.client.subscribe({}, rig.signedIn(token).metadata)
    const ended = new Promise<string>((resolve) => {
      stream.once('error', (error: Error & { metadata?: { get(name: string): unknown[] } }) =>
        resolve(String(error.metadata?.get('mailx-code')[0])),
      )
    })
    await new Promise((resolve) => {
      stream.once('metadata', resolve)
    })
    stream.resume()
    return ended
  }
  const revoked = endOf(rig.tokenFor(user, { deviceId: removed }))
  const expiring = endOf(rig.tokenFor(user, { deviceId: kept, expiresAt: Date.now() + 1_500 }))
  await rig.publishList(user, 2, [kept])
  expect(await revoked).toBe('DEVICE_REVOKED')
  expect(await expiring).toBe('SESSION_EXPIRED')
})
