import { Client, type Pool } from 'pg'

export type Ownership = {
  /** Takes what is free up to a fair share and gives back what is above it. To be called regularly. */
  balance(): Promise<void>
  /** Gives everything back. */
  stop(): Promise<void>
}

export type OwnershipOptions = {
  readonly pool: Pool
  /** What replicas of this service have in common. */
  readonly group: string
  /** The names of everything to be shared out. */
  readonly units: readonly string[]
  readonly onGained: (unit: string) => void
  /** Resolves when nothing is done for the unit any more; only then is it given away. */
  readonly onLosing: (unit: string) => Promise<void>
  readonly onTrouble: (error: unknown) => void
}

// A replica whose machine vanished is noticed after about ten seconds.
const KEEPALIVES = '-c tcp_keepalives_idle=4 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3'

/**
 * Shares units out among the replicas of a service by session advisory locks of Postgres, on one
 * connection of its own: when the process or the connection dies, the locks are free at once, and the
 * others take them. Each replica also holds a shared lock that all can count; the fair share is the
 * number of units divided by that count.
 *
 * The locks save work. What keeps two writers apart is that every move of a checkpoint names the
 * position it starts from.
 */
export function shareUnits(options: OwnershipOptions): Ownership {
  const { pool, group, units, onGained, onLosing, onTrouble } = options
  const owned = new Set<string>()
  let client: Client | undefined
  let losing: Promise<void> = Promise.resolve()
  // Only replicas with the same work share it evenly; during an upgrade the others do not count.
  const members = `${group}/members/${units.toSorted().join()}`
  const lockName = (unit: string) => `${group}/${unit}`

  return {
    async balance() {
      await losing
      client ??= await connect()
      const holder = client
      try {
        const share = Math.ceil(units.length / Math.max(await countHolders(holder, members), 1))
        for (const unit of [...owned].slice(share)) await giveBack(holder, unit)
        if (owned.size < share) await take(holder, share - owned.size)
      } catch (error) {
        // Without an answer the locks may be gone.
        await lose(holder)
        throw error
      }
    },
    async stop() {
      const last = client
      client = undefined
      await Promise.all([...owned].map(onLosing))
      owned.clear()
      await last?.end()
    },
  }

  async function connect(): Promise<Client> {
    const fresh = new Client({
      ...pool.options,
      password: pool.options.password,
      options: `${pool.options.options ?? ''} ${KEEPALIVES}`,
    })
    fresh.on('error', (error) => {
      onTrouble(error)
      losing = lose(fresh)
    })
    await fresh.connect()
    await fresh.query('select pg_advisory_lock_shared(hashtextextended($1, 0))', [members])
    return fresh
  }

  async function take(holder: Client, count: number): Promise<void> {
    const free = units.filter((unit) => !owned.has(unit))
    for (const unit of free) {
      if (count === 0) return
      const { rows } = await holder.query<{ locked: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
        [lockName(unit)],
      )
      if (!rows[0]?.locked) continue
      owned.add(unit)
      onGained(unit)
      count -= 1
    }
  }

  async function giveBack(holder: Client, unit: string): Promise<void> {
    await onLosing(unit)
    owned.delete(unit)
    await holder.query('select pg_advisory_unlock(hashtextextended($1, 0))', [lockName(unit)])
  }

  async function lose(holder: Client): Promise<void> {
    if (client !== holder) return
    client = undefined
    const lost = [...owned]
    owned.clear()
    await Promise.all(lost.map(onLosing))
    await holder.end().catch(onTrouble)
  }
}

const holders = `with k as (select hashtextextended($1, 0) as key)
  select count(distinct l.pid)::int as count from pg_locks l, k
    where l.locktype = 'advisory' and l.mode = 'ShareLock' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and l.classid::bigint = (k.key >> 32) & 4294967295
      and l.objid::bigint = k.key & 4294967295`

async function countHolders(client: Client, name: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>({
    name: 'processors.holders',
    text: holders,
    values: [name],
  })
  return rows[0]?.count ?? 0
}
