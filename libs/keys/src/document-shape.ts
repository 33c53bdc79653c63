import { parseDomain } from '@mailx/address/domain'
import { fromBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@mailx/json/json-value'
import { keyLogOrigin } from './key-log-origin.ts'
import { parseTime } from './unix-ms.ts'

const MAX_KEYS = 64

/**
 * Every member of a DomainDocument is present and well formed; others are left alone, they are under
 * the signature all the same. Throws BAD_DOMAIN_DOCUMENT naming the member.
 */
export function checkDocumentShape(value: JsonValue): JsonObject {
  const document = object(value, 'the document')
  if (document['version'] !== '1.0') throw refusal('version', 'is not "1.0"')
  const name = domain(document['domain'], 'domain')
  bytes(document['publicKey'], 32, 'publicKey')
  bytes(document['signature'], 64, 'signature')
  time(document['created'], 'created')
  time(document['validUntil'], 'validUntil')
  if (document['expiresAt'] !== null) time(document['expiresAt'], 'expiresAt')
  count(document['serial'], 'serial')
  checkEndpoints(object(document['endpoints'], 'endpoints'))
  checkKeys(document['keys'])
  checkPolicy(object(document['policy'], 'policy'))
  checkProtocols(object(document['protocols'], 'protocols'))
  if (document['log'] !== null) checkLog(object(document['log'], 'log'), name, document)
  const pem = text(document['caCertificate'], 8192, 'caCertificate')
  if (!pem.startsWith('-----BEGIN CERTIFICATE-----\n')) throw refusal('caCertificate', 'is not PEM')
  return document
}

function checkEndpoints(endpoints: JsonObject): void {
  hostPort(endpoints['grpc'], 'endpoints.grpc')
  hostPort(endpoints['client'], 'endpoints.client')
  const http = text(endpoints['http'], 300, 'endpoints.http')
  if (!http.startsWith('https://')) throw refusal('endpoints.http', 'is not an https URL')
  hostPort(http.slice('https://'.length), 'endpoints.http')
}

function checkKeys(value: JsonValue | undefined): void {
  if (!isJsonArray(value) || value.length > MAX_KEYS) {
    throw refusal('keys', `is not a list of at most ${MAX_KEYS}`)
  }
  const kids = new Set<string>()
  value.forEach((item, index) => {
    const at = `keys[${index}]`
    const key = object(item, at)
    const kid = text(key['kid'], 128, `${at}.kid`)
    if (kids.has(kid)) throw refusal(`${at}.kid`, 'appears twice')
    kids.add(kid)
    text(key['use'], 32, `${at}.use`)
    bytes(key['publicKey'], 32, `${at}.publicKey`)
    bytes(key['signature'], 64, `${at}.signature`)
    if (time(key['notBefore'], `${at}.notBefore`) >= time(key['notAfter'], `${at}.notAfter`)) {
      throw refusal(`${at}.notAfter`, 'is not after notBefore')
    }
  })
}

function checkPolicy(policy: JsonObject): void {
  for (const name of ['maxMessageBytes', 'maxInlineBytes', 'maxRecipients', 'maxDevices']) {
    count(policy[name], `policy.${name}`)
  }
  count(policy['retentionDays'], 'policy.retentionDays')
  text(policy['registration'], 32, 'policy.registration')
  text(policy['contactMode'], 32, 'policy.contactMode')
}

function checkProtocols(protocols: JsonObject): void {
  const min = count(protocols['min'], 'protocols.min')
  if (min < 1 || min > count(protocols['max'], 'protocols.max')) {
    throw refusal('protocols', 'is not 1 ≤ min ≤ max')
  }
}

function checkLog(log: JsonObject, name: string, document: JsonObject): void {
  if (log['origin'] !== keyLogOrigin(name)) {
    throw refusal('log.origin', 'is not "<domain>/mailx-kt/1"')
  }
  bytes(log['publicKey'], 32, 'log.publicKey')
  if (!text(log['url'], 500, 'log.url').startsWith('https://')) {
    throw refusal('log.url', 'is not an https URL')
  }
  const certified = (document['keys'] as readonly JsonObject[]).some(
    (key) => key['use'] === 'log' && key['publicKey'] === log['publicKey'],
  )
  if (!certified) throw refusal('log.publicKey', 'is not among the keys of use log')
}

function object(value: JsonValue | undefined, member: string): JsonObject {
  if (!isJsonObject(value)) throw refusal(member, 'is not an object')
  return value
}

function text(value: JsonValue | undefined, maxLength: number, member: string): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength) {
    throw refusal(member, `is not a text of 1 to ${maxLength} characters`)
  }
  return value
}

function count(value: JsonValue | undefined, member: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw refusal(member, 'is not a whole number')
  }
  return value
}

function time(value: JsonValue | undefined, member: string): number {
  const ms = parseTime(text(value, 30, member))
  if (ms === undefined) throw refusal(member, 'is not an RFC 3339 time in UTC')
  return ms
}

function bytes(value: JsonValue | undefined, length: number, member: string): void {
  try {
    fromBase64(text(value, 200, member), length)
  } catch (cause) {
    if (!(cause instanceof MailxError)) throw cause
    throw new MailxError(
      'BAD_DOMAIN_DOCUMENT',
      `domain document: ${member} is not ${length} bytes in base64`,
      { cause },
    )
  }
}

function domain(value: JsonValue | undefined, member: string): string {
  const name = text(value, 253, member)
  if (canonicalDomain(name) !== name) throw refusal(member, 'is not a domain in canonical form')
  return name
}

function canonicalDomain(name: string): string | undefined {
  try {
    return parseDomain(name)
  } catch (cause) {
    if (cause instanceof MailxError) return undefined
    throw cause
  }
}

const hostAndPort = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\]):([0-9]{1,5})$/i

function hostPort(value: JsonValue | undefined, member: string): void {
  const port = Number(hostAndPort.exec(text(value, 300, member))?.[1])
  if (!(port >= 1 && port <= 65_535)) throw refusal(member, 'is not host:port')
}

const refusal = (member: string, what: string) =>
  new MailxError('BAD_DOMAIN_DOCUMENT', `domain document: ${member} ${what}`)
