/**
 * One DNS question to one recursive resolver, over UDP, and over TCP where the answer was cut. Against
 * forged answers: random id, random source port (the kernel's), a connected socket, and the question
 * repeated in the answer. Whatever does not fit is ignored, and the wait goes on.
 */
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'
import {
  type Answer,
  AUTHENTIC_DATA,
  type DecodedPacket,
  DNSSEC_OK,
  decode,
  encode,
  RECURSION_DESIRED,
} from 'dns-packet'

export type DnsServer = { readonly host: string; readonly port: number }

export type DnsQuestion = { readonly name: string; readonly type: 'TXT' | 'A' | 'AAAA' }

export type DnsReply = {
  readonly rcode: string
  readonly answers: readonly Answer[]
  /** AD: the resolver says that it validated this by DNSSEC. Worth what the resolver is worth. */
  readonly authenticated: boolean
}

/** RFC 6891: what a UDP answer may have without risk of fragments. */
const UDP_PAYLOAD_BYTES = 1232
const MAX_TCP_BYTES = 65_535

/** Asks once. Rejects with DISCOVERY_FAILED when no answer comes in time. */
export async function queryDns(
  server: DnsServer,
  question: DnsQuestion,
  timeoutMs: number,
): Promise<DnsReply> {
  const short = await askUdp(server, question, timeoutMs)
  return replyOf(short.flag_tc ? await askTcp(server, question, timeoutMs) : short)
}

function newQuery({ name, type }: DnsQuestion): { id: number; packet: Uint8Array } {
  const [high = 0, low = 0] = randomBytes(2)
  const id = high * 256 + low
  const packet = encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    questions: [{ name, type, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: UDP_PAYLOAD_BYTES,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: DNSSEC_OK,
        flag_do: true,
        options: [],
      },
    ],
  })
  return { id, packet }
}

/** The packet, if it answers this very question; undefined for anything else. */
function readAnswer(bytes: Uint8Array, id: number, asked: DnsQuestion): DecodedPacket | undefined {
  let packet: DecodedPacket
  try {
    packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  } catch {
    // Not DNS at all: the same as an answer to another question.
    return undefined
  }
  const [question] = packet.questions ?? []
  const fits =
    packet.type === 'response' &&
    packet.id === id &&
    question?.type === asked.type &&
    question.name.toLowerCase() === asked.name.toLowerCase()
  return fits ? packet : undefined
}

function askUdp(server: DnsServer, asked: DnsQuestion, timeoutMs: number): Promise<DecodedPacket> {
  const { id, packet } = newQuery(asked)
  const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4')
  const answer = new Promise<DecodedPacket>((resolve, reject) => {
    const timer = setTimeout(() => reject(silent(server)), timeoutMs)
    socket.once('close', () => clearTimeout(timer))
    socket.on('error', (cause) => reject(unreachable(server, cause)))
    socket.on('message', (bytes) => {
      const fitting = readAnswer(bytes, id, asked)
      if (fitting !== undefined) resolve(fitting)
    })
    // A connected socket takes packets from this server only.
    socket.connect(server.port, server.host, () => socket.send(packet))
  })
  return answer.finally(() => socket.close())
}

function askTcp(server: DnsServer, asked: DnsQuestion, timeoutMs: number): Promise<DecodedPacket> {
  const { id, packet } = newQuery(asked)
  const socket = connect(server.port, server.host)
  const answer = new Promise<DecodedPacket>((resolve, reject) => {
    let received = Buffer.alloc(0)
    socket.setTimeout(timeoutMs, () => reject(silent(server)))
    socket.once('error', (cause) => reject(unreachable(server, cause)))
    socket.once('close', () => reject(silent(server)))
    socket.once('connect', () => {
      socket.write(Uint8Array.of(packet.length >> 8, packet.length & 0xff))
      socket.write(packet)
    })
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      const length = received.length < 2 ? MAX_TCP_BYTES : received.readUInt16BE(0)
      if (received.length < length + 2) return
      const fitting = readAnswer(received.subarray(2, length + 2), id, asked)
      if (fitting === undefined) reject(unreachable(server, new Error('a wrong answer over TCP')))
      else resolve(fitting)
    })
  })
  return answer.finally(() => socket.destroy())
}

const replyOf = (packet: DecodedPacket): DnsReply => ({
  rcode: (packet as DecodedPacket & { rcode: string }).rcode,
  answers: packet.answers ?? [],
  authenticated: packet.flag_ad,
})

const nameOf = ({ host, port }: DnsServer) => `${host}:${port}`

const silent = (server: DnsServer) =>
  new MailxError('DISCOVERY_FAILED', `the DNS resolver ${nameOf(server)} did not answer in time`)

const unreachable = (server: DnsServer, cause: Error) =>
  new MailxError(
    'DISCOVERY_FAILED',
    `the DNS resolver ${nameOf(server)} cannot be asked: ${cause.message}`,
    { cause },
  )
