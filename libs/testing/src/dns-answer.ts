import * as packet from 'dns-packet'

export type DnsRecord =
  | { readonly name: string; readonly type: 'A' | 'AAAA'; readonly data: string }
  | { readonly name: string; readonly type: 'CNAME'; readonly data: string }
  /** The strings of one TXT record; a long one comes in pieces of at most 255 bytes. */
  | { readonly name: string; readonly type: 'TXT'; readonly data: string | readonly string[] }

/** How a name may fail. Over UDP `truncated` sends no records, but asks to come again over TCP. */
export type DnsFailure =
  | 'NXDOMAIN'
  | 'SERVFAIL'
  | 'REFUSED'
  | 'silence'
  | 'truncated'
  | 'garbage'
  | 'wrong-id'

export type DnsZone = {
  readonly records: readonly DnsRecord[]
  readonly failures: ReadonlyMap<string, DnsFailure>
  /** Names whose answers carry the AD flag. */
  readonly secure: ReadonlySet<string>
}

export const nameKey = (name: string): string => name.toLowerCase().replace(/\.$/, '')

const rcodes = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const
const MAX_ALIASES = 8

/** The bytes of the answer to a query, or undefined where silence is the answer. */
export function answerDns(
  zone: DnsZone,
  query: packet.Packet,
  via: 'udp' | 'tcp',
): Uint8Array | undefined {
  const [question] = query.questions ?? []
  if (question === undefined) return undefined
  const name = nameKey(question.name)
  const failure = zone.failures.get(name)
  switch (failure) {
    case 'silence':
      return undefined
    case 'garbage':
      return new TextEncoder().encode('this is not DNS')
    case 'NXDOMAIN':
    case 'SERVFAIL':
    case 'REFUSED':
      return encode(query, rcodes[failure], [])
    case 'wrong-id':
    case 'truncated':
    case undefined: {
      const { answers, exists } = lookUp(zone.records, name, question.type)
      const secure = zone.secure.has(name) ? packet.AUTHENTIC_DATA : 0
      const rcode = exists ? 0 : rcodes.NXDOMAIN
      const id = failure === 'wrong-id' ? ((query.id ?? 0) + 1) % 65_536 : query.id
      const whole = encode({ ...query, id }, rcode | secure, answers)
      const fits = via === 'tcp' || (failure !== 'truncated' && whole.length <= roomFor(query))
      return fits ? whole : encode({ ...query, id }, packet.TRUNCATED_RESPONSE | secure, [])
    }
  }
}

function lookUp(records: readonly DnsRecord[], first: string, type: string) {
  const answers: DnsRecord[] = []
  let name = first
  for (let hops = 0; hops <= MAX_ALIASES; hops++) {
    const here = records.filter((record) => nameKey(record.name) === name)
    answers.push(...here.filter((record) => record.type === type))
    const alias = here.find((record) => record.type === 'CNAME')
    if (alias === undefined || type === 'CNAME') break
    answers.push(alias)
    name = nameKey(alias.data)
  }
  // A name exists when it, or one below it, has a record of any type.
  const exists = records.some(
    (record) => nameKey(record.name) === name || nameKey(record.name).endsWith(`.${name}`),
  )
  return { answers, exists }
}

function encode(query: packet.Packet, flags: number, answers: readonly DnsRecord[]): Uint8Array {
  return packet.encode({
    type: 'response',
    id: query.id,
    flags: flags | packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
    questions: query.questions,
    answers: answers.map(toAnswer),
  })
}

function toAnswer(record: DnsRecord): packet.Answer {
  const { name } = record
  if (record.type !== 'TXT') return { name, type: record.type, ttl: 60, data: record.data }
  const { data } = record
  const pieces = typeof data === 'string' ? (data.match(/[\s\S]{1,255}/g) ?? ['']) : [...data]
  return { name, type: 'TXT', ttl: 60, data: pieces }
}

/** What the asker takes over UDP: 512 bytes, or what its EDNS record says. */
function roomFor(query: packet.Packet): number {
  const edns = query.additionals?.find((record) => record.type === 'OPT')
  return Math.max(512, edns?.type === 'OPT' ? edns.udpPayloadSize : 0)
}
