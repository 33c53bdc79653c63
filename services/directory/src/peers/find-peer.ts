/**
 * From a domain to its verified peer, the cheapest source first:
 *  1. Redis: what was found, or why nothing was, while that is good.
 *  2. Postgres (discovery-log.ts): the same, where Redis was emptied or is down.
 *  3. Discovery: DNS, static file or pin, then the document (libs/federation).
 *  4. The decider: a new document is recorded; a key that nothing vouches for is quarantined and
 *     alarms, and the answer is KEY_CHANGED.
 *  5. Where 3 or 4 fail, a peer that was known is served on, for a day at most.
 * Two callers that look for one domain at once share one discovery.
 */
import type { CurrentKeys } from '@mailx/crypto/current-keys'
import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import { handleCommand } from '@mailx/event-log/handle-command'
import { directoryEvents } from '@mailx/events/directory'
import type { Discovered } from '@mailx/federation/discover'
import { Peer } from '@mailx/proto/directory/v1/directory_service'
import { peerLabel } from '@mailx/telemetry/capped-label'
import { counter, histogram } from '@mailx/telemetry/metrics'
import { errorType, withSpan } from '@mailx/telemetry/tracer'
import { SpanKind } from '@opentelemetry/api'
import type { Redis } from 'ioredis'
import { isVouchedFor, type Peer as KnownPeer, type Offer, peer } from '../deciders/peer.ts'
import { expiryOf, isServable, retryAt } from '../deciders/peer-freshness.ts'
import type { Discovery, DiscoveryLog } from './discovery-log.ts'
import { domainOf, type Outcome, outcomeCache } from './outcome-cache.ts'
import { knownPeer, peerStream } from './peer-stream.ts'

export type PeerFinder = {
  /** The verified peer. Rejects with the reason why there is none, KEY_CHANGED included. */
  find(domain: string, options?: { readonly fresh?: boolean }): Promise<Peer>
  /** Drops what is remembered: the next look is a discovery. */
  forget(domain: string): Promise<void>
}

export type PeerFinderDeps = {
  readonly log: EventLog
  readonly redis: Redis
  readonly cacheKeys: CurrentKeys
  readonly discoveries: DiscoveryLog
  readonly discover: (domain: string, pin: Uint8Array | undefined) => Promise<Discovered>
  readonly now: () => number
  readonly onQuarantined: (domain: string) => void
}

/** Failures that say something about the domain; all others are ours and are not remembered. */
const aboutDomain: ReadonlySet<string> = new Set([
  'DOMAIN_NOT_FOUND',
  'NO_MAILX_RECORD',
  'BAD_MAILX_RECORD',
  'BAD_DOMAIN_DOCUMENT',
  'DISCOVERY_FAILED',
  'ADDRESS_NOT_ALLOWED',
  'KEY_CHANGED',
])

export function peerFinder(given: PeerFinderDeps): PeerFinder {
  const deps = { ...given, discoveries: sparingly(given.discoveries) }
  const { discoveries, now, redis } = deps
  const looking = new Map<string, Promise<Outcome>>()

  const lookAnew = (domain: string): Promise<Outcome> => {
    const running = looking.get(domain)
    if (running !== undefined) return running
    const started = withSpan('discover peer', { kind: SpanKind.CLIENT }, () =>
      discoverAndRemember(domain, deps),
    ).finally(() => looking.delete(domain))
    looking.set(domain, started)
    return started
  }
  const fromPostgres = async (domain: string): Promise<Outcome> => {
    const last = await discoveries.read(domain)
    return (last && outcomeOf(domain, last, now())) ?? lookAnew(domain)
  }
  const cache = outcomeCache({ redis, keys: deps.cacheKeys, load: fromPostgres, now })

  return {
    find: (domain, { fresh = false } = {}) =>
      withSpan('find peer', {}, async (span) => {
        if (fresh) await cache.forget(domain)
        const cached = fresh ? undefined : await cache.get(domain)
        // A copy of another domain in this one's place is none.
        const good = cached !== undefined && domainOf(cached) === domain
        const outcome = good ? cached : await lookAnew(domain)
        if (outcome.status !== 'found') throw outcome.error
        const { dnssec, source } = outcome.peer
        span.setAttributes({ 'mailx.discovery.source': source, 'mailx.discovery.dnssec': dnssec })
        return outcome.peer
      }),
    forget: async (domain) => {
      await discoveries.forget(domain)
      await cache.forget(domain)
    },
  }
}

const MAX_STRANGERS = 10_000

/**
 * Anybody can make us look for domains that do not exist. Their failures are kept in memory, so many
 * and no more; Postgres remembers only domains that were found once.
 */
function sparingly(discoveries: DiscoveryLog): DiscoveryLog {
  const strangers = new Map<string, Discovery>()
  return {
    read: async (domain) => strangers.get(domain) ?? discoveries.read(domain),
    write: async (domain, discovery) => {
      strangers.delete(domain)
      if (discovery.peer !== undefined) return discoveries.write(domain, discovery)
      strangers.set(domain, discovery)
      const [oldest] = strangers.keys()
      if (strangers.size > MAX_STRANGERS && oldest !== undefined) strangers.delete(oldest)
    },
    forget: async (domain) => {
      strangers.delete(domain)
      await discoveries.forget(domain)
    },
  }
}

/** What is still good of the last discovery; undefined when it is time for another. */
function outcomeOf(domain: string, last: Discovery, now: number): Outcome | undefined {
  const { code, failures, message, peer: found } = last
  if (found !== undefined && failures === 0) {
    const until = Number(found.expiresAtUnixMs)
    return now < until ? { status: 'found', peer: found, until } : undefined
  }
  if (now >= last.retryAt) return undefined
  if (found !== undefined && isServable(Number(found.expiresAtUnixMs), validUntilOf(found), now)) {
    const expiresAtUnixMs = BigInt(last.retryAt)
    return { status: 'found', peer: { ...found, expiresAtUnixMs }, until: last.retryAt }
  }
  const error = new MailxError(code as MailxError['code'], message)
  return { status: 'failed', domain, error, until: last.retryAt }
}

const duration = histogram({
  name: 'mailx_discovery_duration_seconds',
  help: 'Discoveries of peers by DNS, static file or pin, by outcome, source and DNSSEC state.',
  labelNames: ['outcome', 'source', 'dnssec'],
})

const discovered = counter({
  name: 'mailx_discoveries_total',
  help: 'Discoveries by peer and outcome. Who was never found has no name here: users may ask for anything.',
  labelNames: ['peer', 'outcome'],
})

const NEVER_FOUND = 'never found'

async function measured(discover: () => Promise<Discovered>): Promise<Discovered> {
  const startedAt = performance.now()
  const seconds = () => (performance.now() - startedAt) / 1000
  try {
    const found = await discover()
    const { dnssec, source } = found
    duration.observe({ outcome: 'found', source, dnssec }, seconds())
    return found
  } catch (error) {
    duration.observe({ outcome: errorType(error), source: '', dnssec: '' }, seconds())
    throw error
  }
}

async function discoverAndRemember(domain: string, deps: PeerFinderDeps): Promise<Outcome> {
  const { discoveries, log, now } = deps
  const known = await knownPeer(log, domain)
  try {
    const found = await measured(() => deps.discover(domain, known.pinnedKey))
    discovered.inc({ peer: peerLabel(domain), outcome: 'found' })
    await record(found, known, deps)
    const answer = answerOf(found, now())
    await discoveries.write(domain, { ...noFailure, peer: answer })
    return { status: 'found', peer: answer, until: Number(answer.expiresAtUnixMs) }
  } catch (error) {
    if (!(error instanceof MailxError) || !aboutDomain.has(error.code)) throw error
    const name = known.pinnedKey === undefined ? NEVER_FOUND : peerLabel(domain)
    discovered.inc({ peer: name, outcome: error.code })
    const last = await discoveries.read(domain)
    const failures = (last?.failures ?? 0) + 1
    const failed: Discovery = {
      peer: last?.peer,
      failures,
      retryAt: retryAt(error.code, failures, now()),
      code: error.code,
      message: error.message,
    }
    await discoveries.write(domain, failed)
    const until = failed.retryAt
    return outcomeOf(domain, failed, now()) ?? { status: 'failed', domain, error, until }
  }
}

const noFailure = { failures: 0, retryAt: 0, code: '', message: '' }

async function record(
  found: Discovered,
  known: KnownPeer,
  { log, now, onQuarantined }: PeerFinderDeps,
): Promise<void> {
  const { announcedKeys, dnssec, document, documentBytes, domain, publicKey, source } = found
  const { serial } = document
  const offer: Offer = { publicKey, document: documentBytes, serial, source, dnssec, announcedKeys }
  await handleCommand(log, {
    ...peerStream(domain),
    codecs: directoryEvents,
    decider: peer,
    command: { type: 'RecordDiscovery', domain, offer, at: now() },
    metadata: { actor: 'directory' },
  })
  if (isVouchedFor(offer, known)) return
  onQuarantined(domain)
  throw new MailxError(
    'KEY_CHANGED',
    `${domain} shows a key that nothing we know vouches for; its operator must confirm it, ours pin it`,
  )
}

function answerOf(found: Discovered, now: number): Peer {
  const { addresses, document, domain, publicKey, source, dnssec } = found
  return Peer.create({
    domain,
    publicKey,
    document: found.documentBytes,
    peerEndpoint: document.endpoints.grpc,
    dnssec,
    source,
    expiresAtUnixMs: BigInt(expiryOf(found.ttlMs, Date.parse(document.validUntil), now)),
    addresses,
  })
}

/** The document is one that we verified; only its time matters here. */
const validUntilOf = ({ document }: Peer): number =>
  Date.parse((JSON.parse(new TextDecoder().decode(document)) as { validUntil: string }).validUntil)
