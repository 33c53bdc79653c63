import { contextNames } from '@mailx/events/contexts'
import { connectNats } from '@mailx/messaging/connect'
import { ensureStreams, streamName, subjectOf } from '@mailx/messaging/streams'
import { inboxOf } from '@mailx/privileges/nats-permissions'
import { type Principal, principals, rightsOf } from '@mailx/privileges/services'
import { type TestNats, testNats } from '@mailx/testing/test-nats'
import { type NatsConnection, PermissionViolationError } from '@nats-io/nats-core'
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestNats
const connections = new Map<Principal, NatsConnection>()

beforeAll(async () => {
  server = await testNats()
  const owner = await connectNats({ url: server.url, name: 'owner' })
  await ensureStreams(owner)
  await owner.close()
  for (const principal of principals) connections.set(principal, await connectAs(principal))
})

afterAll(async () => {
  for (const connection of connections.values()) await connection.close()
  await server.drop()
})

async function connectAs(principal: Principal): Promise<NatsConnection> {
  const url = new URL(server.url)
  url.username = ''
  url.password = ''
  return connectNats({
    url: url.href,
    name: principal,
    seed: () => server.seeds[principal] ?? '',
    inboxPrefix: inboxOf(principal),
  })
}

function as(principal: Principal): NatsConnection {
  const connection = connections.get(principal)
  if (connection === undefined) throw new Error(`${principal} has no user`)
  return connection
}

const ofAll = (principal: Principal, which: 'reads' | 'writes' | 'says' | 'hears'): Set<string> =>
  new Set(rightsOf(principal).flatMap((rights): readonly string[] => rights[which]))

/** Of the subjects, those that the server lets pass. It refuses in order, and the last one for sure. */
async function passing(
  principal: Principal,
  subjects: readonly string[],
  send: (connection: NatsConnection, subject: string) => void,
): Promise<string[]> {
  const connection = as(principal)
  const last = 'to.nobody'
  const statuses = connection.status()
  for (const subject of subjects) send(connection, subject)
  connection.publish(last)
  const refused = new Set<string>()
  for await (const status of statuses) {
    if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue
    if (status.error.subject === last) break
    refused.add(status.error.subject)
  }
  return subjects.filter((subject) => !refused.has(subject))
}

const publish = (connection: NatsConnection, subject: string) => connection.publish(subject)
const subscribe = (connection: NatsConnection, subject: string) => {
  connection.subscribe(subject, { callback() {} })
}

const announcements = [...new Set(principals.flatMap((one) => [...ofAll(one, 'says')]))]

test.each(principals)('%s publishes the events of the contexts that it writes', async (one) => {
  const writes = ofAll(one, 'writes')
  const own = contextNames.filter((context) => writes.has(context))
  const events = (context: string) => subjectOf(context, `${context}-0`)
  expect(await passing(one, contextNames.map(events), publish)).toEqual(own.map(events))
  const create = (context: string) => `$JS.API.STREAM.CREATE.${streamName(context)}`
  expect(await passing(one, contextNames.map(create), publish)).toEqual(own.map(create))
})

test.each(principals)('%s follows the contexts that are its business', async (one) => {
  const reads = ofAll(one, 'reads')
  const follow = (context: string) => `$JS.API.CONSUMER.CREATE.${streamName(context)}.mine`
  const own = contextNames.filter((context) => reads.has(context))
  expect(await passing(one, contextNames.map(follow), publish)).toEqual(own.map(follow))
})

test.each(principals)('%s changes, empties, deletes and copies no stream', async (one) => {
  const subjects = contextNames.flatMap((context) =>
    [
      'STREAM.UPDATE',
      'STREAM.DELETE',
      'STREAM.PURGE',
      'STREAM.MSG.DELETE',
      'STREAM.MSG.GET',
      'STREAM.SNAPSHOT',
      'STREAM.RESTORE',
      'DIRECT.GET',
    ].map((verb) => `$JS.API.${verb}.${streamName(context)}`),
  )
  expect(await passing(one, subjects, publish)).toEqual([])
  const deletions = contextNames.map((name) => `$JS.API.CONSUMER.DELETE.${streamName(name)}.theirs`)
  expect(await passing(one, deletions, publish)).toEqual([])
})

test.each(principals)('%s says and hears the announcements that are its own', async (one) => {
  expect(announcements.length).toBeGreaterThan(2)
  const [says, hears] = [ofAll(one, 'says'), ofAll(one, 'hears')]
  const said = await passing(one, announcements, publish)
  expect(said).toEqual(announcements.filter((subject) => says.has(subject)))
  const heard = await passing(one, announcements, subscribe)
  expect(heard).toEqual(announcements.filter((subject) => hears.has(subject)))
})

test.each(principals)(
  '%s listens to nobody’s answers and to no event as it passes',
  async (one) => {
    const others = principals.filter((other) => other !== one).map((name) => `${inboxOf(name)}.>`)
    const wide = ['>', 'log.>', 'log.submission.*', '$JS.>', '$JS.API.>', '_INBOX.>', '_INBOX_*.>']
    expect(await passing(one, [...others, ...wide], subscribe)).toEqual([])
    expect(await passing(one, [`${inboxOf(one)}.mine.>`], subscribe)).toHaveLength(1)
    const answers = others.map((subject) => subject.replace('>', 'forged'))
    expect(await passing(one, answers, publish)).toEqual([])
  },
)
