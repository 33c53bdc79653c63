import { equal, toHex, uint64be } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Decider } from '@mailx/events/decider'
import type { DomainEvent } from '@mailx/events/identity'
import type { DomainDocument } from '@mailx/keys/domain-document'
import type { OperationalKeyCertified } from '@mailx/proto/identity/v1/events'
import { composeDocument, type DocumentSettings, documentIsDue } from './domain-document.ts'
import {
  type Domain,
  isDueForRenewal,
  type OperationalKeyUse,
  requireHosted,
  termOf,
} from './hosted-domain.ts'

/** The statement `operational-key`, which the domain key signs. */
export type KeyRecord = {
  readonly domain: string
  readonly kid: string
  readonly use: string
  readonly publicKey: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
}

export type KeyToCertify = {
  readonly use: OperationalKeyUse
  readonly publicKey: Uint8Array
  /** The service that keeps the secret half. */
  readonly holder: string
  readonly caCertificate?: string
  /** 32 random bytes: the key of the commitment in the key log. */
  readonly opening: Uint8Array
}

export type DomainCommand =
  | {
      readonly type: 'CreateDomain'
      readonly domain: string
      readonly publicKey: Uint8Array
      readonly opening: Uint8Array
      readonly keys: readonly KeyToCertify[]
      readonly sign: (record: KeyRecord) => Uint8Array
      readonly at: number
    }
  | {
      readonly type: 'CertifyKey'
      readonly key: KeyToCertify
      readonly sign: (record: KeyRecord) => Uint8Array
      readonly at: number
    }
  | {
      readonly type: 'PublishDocument'
      readonly settings: DocumentSettings
      readonly sign: (document: Omit<DomainDocument, 'signature'>) => DomainDocument
      readonly at: number
    }

function decide(command: DomainCommand, domain: Domain): DomainEvent[] {
  switch (command.type) {
    case 'CreateDomain': {
      if (domain.status === 'hosted') return []
      const { at, opening, publicKey } = command
      const created = { domain: command.domain, publicKey, createdAtUnixMs: BigInt(at), opening }
      return [
        { type: 'DomainCreated', data: created },
        ...command.keys.map((key) => certified(command.domain, key, command)),
      ]
    }

    case 'CertifyKey': {
      const { at, key } = command
      const hosted = requireHosted(domain)
      if (equal(key.publicKey, hosted.publicKey)) throw reused('is the domain key')
      const known = hosted.keys.filter((other) => equal(other.publicKey, key.publicKey))
      if (known.some((other) => other.use !== key.use || other.holder !== key.holder)) {
        throw reused('is certified for another use or another holder')
      }
      if (known.some((other) => !isDueForRenewal(other, at))) return []
      return [certified(hosted.domain, key, command)]
    }

    case 'PublishDocument': {
      const hosted = requireHosted(domain)
      if (!documentIsDue(hosted, command.settings, command.at)) return []
      const document = command.sign(composeDocument(hosted, command.settings, command.at))
      const data = {
        domain: hosted.domain,
        serial: BigInt(document.serial),
        validUntilUnixMs: BigInt(Date.parse(document.validUntil)),
        document: new TextEncoder().encode(JSON.stringify(document)),
      }
      return [{ type: 'DomainDocumentPublished', data }]
    }
  }
}

type Signing = { readonly sign: (record: KeyRecord) => Uint8Array; readonly at: number }

function certified(domain: string, key: KeyToCertify, { sign, at }: Signing): DomainEvent {
  const { caCertificate = '', holder, opening, publicKey, use } = key
  const { notBefore, notAfter } = termOf(at)
  const kid = `${use}-${toHex(blake2b256(publicKey, uint64be(notBefore))).slice(0, 16)}`
  const data: OperationalKeyCertified = {
    domain,
    kid,
    use,
    publicKey,
    notBeforeUnixMs: BigInt(notBefore),
    notAfterUnixMs: BigInt(notAfter),
    signature: sign({ domain, kid, use, publicKey, notBefore, notAfter }),
    holder,
    opening,
    caCertificate,
  }
  return { type: 'OperationalKeyCertified', data }
}

function evolve(domain: Domain, event: DomainEvent): Domain {
  switch (event.type) {
    case 'DomainCreated': {
      const { createdAtUnixMs, publicKey } = event.data
      return {
        status: 'hosted',
        domain: event.data.domain,
        publicKey,
        createdAt: Number(createdAtUnixMs),
        keys: [],
        document: undefined,
      }
    }
    case 'OperationalKeyCertified': {
      if (domain.status === 'unknown') return domain
      const { notAfterUnixMs, notBeforeUnixMs, domain: _, opening: __, ...rest } = event.data
      const notBefore = Number(notBeforeUnixMs)
      const key = { ...rest, notBefore, notAfter: Number(notAfterUnixMs) }
      return { ...domain, keys: [...domain.keys, key] }
    }
    case 'DomainDocumentPublished': {
      if (domain.status === 'unknown') return domain
      // Our own bytes, signed by us and read from the log: no stranger's input.
      const document: DomainDocument = JSON.parse(new TextDecoder().decode(event.data.document))
      return { ...domain, document }
    }
  }
  return domain
}

const reused = (what: string) =>
  new MailxError('BAD_KEY', `this key ${what}; make one key for each use`)

export const domain: Decider<Domain, DomainCommand, DomainEvent> = {
  initialState: { status: 'unknown' },
  decide,
  evolve,
}
