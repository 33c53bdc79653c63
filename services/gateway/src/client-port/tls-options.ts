import type { Socket } from 'node:net'
import type { SecureContext, TlsOptions } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { type ConnectionCaps, connectionCaps } from '@mailx/federation/connection-caps'
import { tlsFloor } from '@mailx/grpc/tls-floor'

export type ContextOf = (serverName: string) => Promise<SecureContext | undefined>

const HANDSHAKE_MS = 10_000
const PER_ADDRESS_PART = 8

/** TLS 1.3 with the certificate of the domain that was asked for; any other name ends the handshake. */
export const tlsOptions = (contextOf: ContextOf): TlsOptions => ({
  ...tlsFloor,
  handshakeTimeout: HANDSHAKE_MS,
  SNICallback: (serverName, done) => {
    contextOf(serverName).then(
      (context) => {
        if (context) done(null, context)
        else done(new MailxError('NOT_FOUND', 'the server name is no domain that is hosted here'))
      },
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    )
  },
})

type TlsServer = {
  on(event: 'connection' | 'secureConnection', listener: (socket: Socket) => void): unknown
}

const nameOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`

/** Bounds the connections that have not finished their handshake, in all and from one address. */
export function limitHandshakes(server: TlsServer, total: number): void {
  const perAddress = Math.max(1, Math.floor(total / PER_ADDRESS_PART))
  const caps: ConnectionCaps = connectionCaps({ total, perAddress })
  const leaving = new Map<string, () => void>()

  server.on('connection', (socket) => {
    const leave = caps.enter(socket.remoteAddress ?? '')
    if (leave === undefined) {
      socket.destroy()
      return
    }
    const name = nameOf(socket)
    const done = () => {
      leave()
      leaving.delete(name)
    }
    leaving.set(name, done)
    socket.once('close', done)
  })
  server.on('secureConnection', (socket) => leaving.get(nameOf(socket))?.())
}
