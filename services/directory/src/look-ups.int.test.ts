import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'
import { makeDomain } from '@mailx/federation/testing/made-domain'
import { callUnary } from '@mailx/grpc/client'
import { verifyKeyBundle } from '@mailx/keys/key-bundle'
import { type KeyAnswer, LookUpKeysResponse } from '@mailx/proto/directory/v1/directory_service'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DirectoryWorld, directoryWorld } from './testing/directory-world.ts'
import { bundleOf, makeUser } from './testing/made-user.ts'

let world: DirectoryWorld
beforeEach(async () => {
  world = await directoryWorld({
    LOOK_UPS_PER_USER: '4',
    LOOK_UPS_PER_PEER_USER: '3',
    LOOK_UPS_PER_PEER: '5',
  })
  await world.register('alice')
})
afterEach(() => world.stop())

const alice = 'alice@a.test'

const lookUp = async (addresses: readonly string[], fresh = false, asker = alice) => {
  const { answers } = await callUnary(world.client.lookUpKeys, { asker, addresses, fresh })
  return answers
}

const verified = ({ address, bundle }: KeyAnswer, publicKey = world.a.domainKey.publicKey) => {
  if (bundle === undefined) throw new Error(`no keys for ${address}`)
  return verifyKeyBundle(bundle, { address, now: Date.now(), domainPublicKey: publicKey })
}

describe('a user of ours looks up users of ours', () => {
  test('and gets keys that verify, with their proofs', async () => {
    await world.register('bob')
    const answers = await lookUp(['bob@a.test', alice])
    for (const answer of answers) expect(verified(answer).address).toBe(answer.address)
  })

  test('whatever spelling, in the order asked, with an answer for each', async () => {
    const answers = await lookUp(['nobody@a.test', 'ALICE+tag@A.test', 'not an address', alice])
    expect(answers.map(({ address, code }) => [address, code])).toEqual([
      ['nobody@a.test', 'NOT_FOUND'],
      ['ALICE+tag@A.test', ''],
      ['not an address', 'INVALID_ADDRESS'],
      [alice, ''],
    ])
  })

  test('and a key that is new waits for the next checkpoint', async () => {
    const bob = await world.register('bob', false)
    const answering = lookUp(['bob@a.test'])
    world.neighbours.cover(bob)
    const [answer] = await answering
    expect(answer && verified(answer).address).toBe('bob@a.test')
  })

  test('and one that stays uncovered does not hold up the others', async () => {
    await world.register('bob', false)
    const answers = await lookUp([alice, 'bob@a.test'])
    expect(answers.map(({ code }) => code)).toEqual(['', 'UNAVAILABLE'])
  })

  test('but not of too many in a day; the same ones again are free', async () => {
    const names = ['one', 'two', 'three', 'four', 'five'].map((name) => `${name}@a.test`)
    const codes = async () => (await lookUp(names)).map(({ code }) => code)
    expect(await codes()).toEqual([...Array.from({ length: 4 }, () => 'NOT_FOUND'), 'RATE_LIMITED'])
    expect(await codes()).toEqual([...Array.from({ length: 4 }, () => 'NOT_FOUND'), 'RATE_LIMITED'])
    await world.register('bob')
    const [theirs] = await lookUp(['five@a.test'], false, 'bob@a.test')
    expect(theirs?.code).toBe('NOT_FOUND')
  })

  test.each([
    ['nobody', []],
    ['more than a hundred', Array.from({ length: 101 }, () => alice)],
  ])('but not %s at once', async (_, addresses) => {
    await expect(lookUp(addresses)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('but only if the asker is one of ours', async () => {
    const asking = lookUp([alice], false, 'eve@evil.test')
    await expect(asking).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

const theirs = () => bundleOf(world.b, makeUser(world.b, 'carol'))

describe('a user of ours looks up users of another domain', () => {
  const carol = 'carol@b.test'

  test('through outbound, verified, and remembered for the asker', async () => {
    world.neighbours.answer(new Map([[carol, theirs()]]))
    const [answer] = await lookUp([carol])
    expect(answer && verified(answer, world.b.domainKey.publicKey).address).toBe(carol)
    expect(world.neighbours.asked).toEqual([
      { from: 'a.test', to: 'b.test', asker: alice, addresses: [carol] },
    ])
    expect((await lookUp([carol]))[0]?.code).toBe('')
    expect(world.neighbours.asked).toHaveLength(1)
    expect((await lookUp([carol], true))[0]?.code).toBe('')
    expect(world.neighbours.asked).toHaveLength(2)
    await lookUp([carol], false, 'bob@a.test')
    expect(world.neighbours.asked).toHaveLength(3)
  })

  test('and gets a swapped key refused, not passed on', async () => {
    const bundle = theirs()
    const other = makeUser(world.b, 'carol').event.data
    world.neighbours.answer(new Map([[carol, { ...bundle, deviceList: other.deviceList }]]))
    const [answer] = await lookUp([carol])
    expect(answer?.bundle).toBeUndefined()
    expect(answer?.code).toBe('BAD_SIGNATURE')
  })

  test('and a domain that signs with another key than its own is refused', async () => {
    const impostor = await makeDomain('b.test')
    const bundle = bundleOf(impostor, makeUser(impostor, 'carol'))
    world.neighbours.answer(new Map([[carol, bundle]]))
    expect((await lookUp([carol]))[0]?.code).toBe('BAD_DOMAIN_DOCUMENT')
  })

  test('and what somebody wrote into Redis is verified again', async () => {
    world.neighbours.answer(new Map([[carol, theirs()]]))
    await lookUp([carol])
    const redis = new Redis(world.redis.url)
    for (const key of await redis.keys('*bundle*'))
      await redis.set(key, Buffer.from(randomBytes(300)))
    redis.disconnect()
    expect((await lookUp([carol]))[0]?.code).toBe('')
    expect(world.neighbours.asked).toHaveLength(2)
  })

  test('and the failures are answers: no such user, no such domain, the peer is away', async () => {
    world.neighbours.answer(new Map())
    expect((await lookUp([carol]))[0]?.code).toBe('NOT_FOUND')
    const answers = await lookUp(['x@nowhere.test', alice])
    expect(answers.map(({ code }) => code)).toEqual(['DOMAIN_NOT_FOUND', ''])
    world.neighbours.answer(new MailxError('UNAVAILABLE', 'b.test is away'))
    expect((await lookUp([carol], true))[0]).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'b.test is away',
    })
  })
})

const sizeOf = (response: LookUpKeysResponse) => LookUpKeysResponse.encode(response).finish().length

describe('a user of a peer looks up users of ours', () => {
  const eve = 'eve@b.test'
  const ask = (addresses: readonly string[], asker = eve) =>
    callUnary(world.client.lookUpLocalKeys, { askingDomain: 'b.test', asker, addresses })
  test('and gets keys that verify', async () => {
    const { answers } = await ask([alice])
    expect(answers[0] && verified(answers[0]).address).toBe(alice)
  })

  test('and cannot tell an address that does not exist by shape, size or time', async () => {
    const responses = []
    const times = []
    for (const address of [alice, 'nobody@a.test', 'no.one@a.test']) {
      const startedAt = performance.now()
      responses.push(await ask([address]))
      times.push(performance.now() - startedAt)
    }
    expect(new Set(responses.map(sizeOf)).size).toBe(1)
    expect(responses.map(({ answers }) => answers[0]?.bundle !== undefined)).toEqual([
      true,
      false,
      false,
    ])
    for (const { answers } of responses) expect(answers[0]).toMatchObject({ code: '', message: '' })
    for (const time of times) expect(time).toBeGreaterThanOrEqual(20)
  })

  test('and a key that is new waits for the next checkpoint, for a while', async () => {
    const bob = await world.register('bob', false)
    const answering = ask(['bob@a.test'])
    world.neighbours.cover(bob)
    const { answers } = await answering
    expect(answers[0] && verified(answers[0]).address).toBe('bob@a.test')
    await world.register('late', false)
    const response = await ask(['late@a.test'])
    expect(response.answers[0]).toMatchObject({ code: '', message: '' })
    expect(sizeOf(response)).toBe(sizeOf(await ask(['bob@a.test'])))
  })

  test('and beyond the budget everybody looks absent', async () => {
    const names = ['one', 'two', 'three'].map((name) => `${name}@a.test`)
    await ask(names)
    expect((await ask([alice])).answers[0]?.bundle).toBeUndefined()
    const other = await ask([alice], 'mallory@b.test')
    expect(other.answers[0]?.bundle).toBeDefined()
    await ask(['four@a.test'], 'mallory@b.test')
    const third = await ask([alice, 'five@a.test'], 'trent@b.test')
    expect(third.answers[0]?.bundle).toBeDefined()
    await world.register('zoe')
    expect((await ask(['zoe@a.test'], 'trent@b.test')).answers[0]?.bundle).toBeUndefined()
  })

  test.each([
    ['of another domain', ['x@c.test'], eve],
    ['in the name of another domain', [alice], 'eve@c.test'],
    ['of nobody', [], eve],
    ['of more than 32 at once', Array.from({ length: 33 }, () => alice), eve],
  ])('but not %s', async (_, addresses, asker) => {
    await expect(ask(addresses, asker)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})
