import { toHex } from '@mailx/crypto/encoding'
import type { Sql } from '@mailx/event-log/sql'
import { LONGEST_SESSION_MS } from '../deciders/session.ts'

/** What is decided from memory on every call, as of a second ago at most. */
export type KnownState = {
  isHosted(domain: string): boolean
  hostedDomains(): readonly string[]
  isFull(mailbox: string): boolean
  /** Whether a device is in the user's newest list; undefined when that has not changed of late. */
  isListed(address: string, deviceId: Uint8Array): boolean | undefined
  /** Reads what is new in the read models. Calls at the same time share one read. */
  refresh(): Promise<void>
  /** Told after a refresh of users whose device list changed. Returns how to stop it. */
  onListChanged(listener: (address: string) => void): () => void
  onDomainAdded(listener: (domain: string) => void): () => void
}

type DeviceList = { readonly deviceIds: ReadonlySet<string>; readonly publishedAt: number }

/**
 * A copy of the small read models that every call needs. It is filled from them and follows them by
 * position, so that a start does not replay the log. Device lists are kept only as long as a token
 * that is older than them can live; whoever holds a younger one was in the list when it was issued.
 */
export function knownState({ sql, now }: { sql: Sql; now: () => number }): KnownState {
  const domains = new Set<string>()
  const full = new Set<string>()
  const lists = new Map<string, DeviceList>()
  const listListeners = new Set<(address: string) => void>()
  const domainListeners = new Set<(domain: string) => void>()
  const fullAfter = new Map<string, string>()
  let domainsAfter = '0'
  let listsAfter = '0'
  let reading: Promise<void> | undefined

  return {
    isHosted: (domain) => domains.has(domain),
    hostedDomains: () => [...domains],
    isFull: (mailbox) => full.has(mailbox),
    isListed: (address, deviceId) => lists.get(address)?.deviceIds.has(toHex(deviceId)),
    refresh() {
      reading ??= readAll().finally(() => {
        reading = undefined
      })
      return reading
    },
    onListChanged: (listener) => listen(listListeners, listener),
    onDomainAdded: (listener) => listen(domainListeners, listener),
  }

  async function readAll(): Promise<void> {
    await readDomains()
    await readFullMailboxes()
    await readDeviceLists()
    forgetOldLists()
  }

  async function readDomains(): Promise<void> {
    const { rows } = await sql.query<{ domain: string; position: string }>({
      name: 'gateway.domains-after',
      text: 'select domain, position from gateway.domains where position > $1 order by position',
      values: [domainsAfter],
    })
    for (const { domain, position } of rows) {
      domainsAfter = position
      if (domains.has(domain)) continue
      domains.add(domain)
      for (const tell of domainListeners) tell(domain)
    }
  }

  async function readFullMailboxes(): Promise<void> {
    type Row = { mailbox: string; is_full: boolean; partition: string; position: string }
    const { rows } = await sql.query<Row>({
      name: 'gateway.full-mailboxes-after',
      text: `select f.mailbox, f.is_full, f.partition, f.position
        from log.partitions p
        left join unnest($1::text[], $2::int8[]) as c(partition, position) on c.partition = p.name
        join gateway.full_mailboxes f
          on f.partition = p.name and f.position > coalesce(c.position, 0)
        where p.context = 'mailbox' order by f.position`,
      values: [[...fullAfter.keys()], [...fullAfter.values()]],
    })
    for (const { mailbox, is_full, partition, position } of rows) {
      fullAfter.set(partition, position)
      if (is_full) full.add(mailbox)
      else full.delete(mailbox)
    }
  }

  async function readDeviceLists(): Promise<void> {
    type Row = { address: string; device_ids: Uint8Array[]; published_at: string; position: string }
    const { rows } = await sql.query<Row>({
      name: 'gateway.device-lists-after',
      text: `select address, device_ids, published_at, position from gateway.device_lists
        where position > $1 and published_at > $2 order by position`,
      values: [listsAfter, now() - LONGEST_SESSION_MS],
    })
    for (const { address, device_ids, published_at, position } of rows) {
      listsAfter = position
      const deviceIds = new Set(device_ids.map(toHex))
      lists.delete(address)
      lists.set(address, { deviceIds, publishedAt: Number(published_at) })
      for (const tell of listListeners) tell(address)
    }
  }

  /** The map is in the order of publication, so the old ones come first. */
  function forgetOldLists(): void {
    for (const [address, { publishedAt }] of lists) {
      if (publishedAt > now() - LONGEST_SESSION_MS) return
      lists.delete(address)
    }
  }
}

function listen<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
