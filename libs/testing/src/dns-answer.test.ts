import * as packet from 'dns-packet'
import { expect, test } from 'vitest'
import { answerDns, type DnsRecord, type DnsZone } from './dns-answer.ts'

const records: DnsRecord[] = [
  { name: 'a.test', type: 'A', data: '127.0.0.1' },
  { name: 'mail.a.test', type: 'CNAME', data: 'A.test.' },
  { name: '_mailx.a.test', type: 'TXT', data: 'x'.repeat(600) },
]

function ask(name: string, type: packet.RecordType, via: 'udp' | 'tcp' = 'udp', zone?: object) {
  const all: DnsZone = { records, failures: new Map(), secure: new Set(), ...zone }
  const query: packet.Packet = { type: 'query', id: 7, questions: [{ name, type }] }
  const answer = answerDns(all, query, via)
  return answer === undefined ? undefined : packet.decode(Buffer.from(answer))
}

test('a name is found whatever its case', () => {
  expect(ask('A.Test', 'A')?.answers).toMatchObject([{ data: '127.0.0.1' }])
})

test('an alias is answered together with what it leads to', () => {
  const types = ask('mail.a.test', 'A')?.answers?.map(({ type }) => type)
  expect(types).toEqual(['CNAME', 'A'])
})

test('a name without records does not exist, a name above one does', () => {
  expect(ask('b.test', 'A')).toMatchObject({ rcode: 'NXDOMAIN', answers: [] })
  expect(ask('test', 'A')).toMatchObject({ rcode: 'NOERROR', answers: [] })
})

test('a long answer is truncated over UDP and whole over TCP', () => {
  expect(ask('_mailx.a.test', 'TXT')).toMatchObject({ flag_tc: true, answers: [] })
  const [answer] = ask('_mailx.a.test', 'TXT', 'tcp')?.answers ?? []
  expect(answer).toMatchObject({ data: [{ length: 255 }, { length: 255 }, { length: 90 }] })
})

const failing = (failure: string) => ({ failures: new Map([['a.test', failure]]) })

test('a failure of a name is all that it answers', () => {
  expect(ask('a.test', 'A', 'udp', failing('SERVFAIL'))).toMatchObject({ rcode: 'SERVFAIL' })
  expect(ask('a.test', 'A', 'udp', failing('silence'))).toBeUndefined()
  expect(ask('a.test', 'A', 'udp', failing('wrong-id'))).toMatchObject({ id: 8 })
})

test('an answer is authentic only where the zone says so', () => {
  expect(ask('a.test', 'A')).toMatchObject({ flag_ad: false })
  expect(ask('a.test', 'A', 'udp', { secure: new Set(['a.test']) })).toMatchObject({
    flag_ad: true,
  })
})
