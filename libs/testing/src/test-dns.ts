import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import * as packet from 'dns-packet'
import { answerDns, type DnsFailure, type DnsRecord, nameKey } from './dns-answer.ts'

export type DnsQuery = {
  readonly name: string
  readonly type: string
  readonly via: 'udp' | 'tcp'
}

export type TestDns = {
  /** `127.0.0.1:port`, as resolvers are configured. */
  readonly address: string
  readonly port: number
  /** What was asked so far, the oldest first. */
  readonly queries: readonly DnsQuery[]
  /** Replaces all records. */
  set(records: readonly DnsRecord[]): void
  add(...records: readonly DnsRecord[]): void
  /** From now on the name fails like this, until it is called without a failure. */
  fail(name: string, failure?: DnsFailure): void
  /** Whether answers about the name say that they were checked by DNSSEC. */
  setSecure(name: string, secure: boolean): void
  stop(): Promise<void>
}

/**
 * A real DNS server on loopback, over UDP and TCP on one port. It knows nothing but its records;
 * CNAMEs are followed, and what does not fit into a datagram is truncated.
 */
export async function testDns(initial: readonly DnsRecord[] = []): Promise<TestDns> {
  let records = [...initial]
  const failures = new Map<string, DnsFailure>()
  const secure = new Set<string>()
  const queries: DnsQuery[] = []

  const answer = (message: Uint8Array, via: 'udp' | 'tcp') => {
    const query = packet.decode(Buffer.from(message))
    for (const { name, type } of query.questions ?? []) queries.push({ name, type, via })
    return answerDns({ records, failures, secure }, query, via)
  }
  const { udp, tcp, port } = await bindBoth((message, via) => {
    try {
      return answer(message, via)
    } catch {
      return undefined // not a DNS message: a resolver hears nothing, as from most servers
    }
  })
  return {
    address: `127.0.0.1:${port}`,
    port,
    queries,
    set(next) {
      records = [...next]
    },
    add(...more) {
      records.push(...more)
    },
    fail(name, failure) {
      if (failure === undefined) failures.delete(nameKey(name))
      else failures.set(nameKey(name), failure)
    },
    setSecure(name, isSecure) {
      if (isSecure) secure.add(nameKey(name))
      else secure.delete(nameKey(name))
    },
    async stop() {
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ])
    },
  }
}

type Answer = (message: Uint8Array, via: 'udp' | 'tcp') => Uint8Array | undefined

const ATTEMPTS = 10

/** Both transports on one port: the one that UDP gets may be taken for TCP, then it tries again. */
async function bindBoth(answer: Answer) {
  for (let attempt = 1; ; attempt++) {
    const udp = await bindUdp(answer)
    const { port } = udp.address()
    try {
      return { udp, tcp: await bindTcp(port, answer), port }
    } catch (error) {
      udp.close()
      if (attempt === ATTEMPTS) throw error
    }
  }
}

const bindUdp = (answer: Answer): Promise<UdpSocket> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.once('error', reject)
    socket.on('message', (message, from) => {
      const reply = answer(message, 'udp')
      if (reply !== undefined) socket.send(reply, from.port, from.address)
    })
    socket.bind(0, '127.0.0.1', () => resolve(socket))
  })

/** Over TCP each message follows its length in two bytes. */
const bindTcp = (port: number, answer: Answer): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      let received = Buffer.alloc(0)
      socket.on('error', () => socket.destroy())
      // A client that keeps its connection must not keep the server from stopping.
      socket.setTimeout(1000, () => socket.destroy())
      socket.on('data', (piece) => {
        received = Buffer.concat([received, piece])
        while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
          const end = 2 + received.readUInt16BE(0)
          const reply = answer(received.subarray(2, end), 'tcp')
          received = received.subarray(end)
          if (reply === undefined) continue
          const length = Buffer.alloc(2)
          length.writeUInt16BE(reply.length)
          socket.write(Buffer.concat([length, reply]))
        }
      })
    })
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
