import pg from 'pg'

export type LaneLocks = {
  /** Takes the lanes that nobody else has; answers which of them are held now. */
  acquire(lanes: readonly string[]): Promise<ReadonlySet<string>>
  release(lane: string): Promise<void>
  stop(): Promise<void>
}

type Options = {
  readonly pool: pg.Pool
  /** All locks are gone: stop sending, at once. */
  readonly onLost: (error: Error) => void
}

// A replica whose machine vanished is noticed after about ten seconds.
const KEEPALIVES = '-c tcp_keepalives_idle=4 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3'

/**
 * Which replica works a lane off: session advisory locks of Postgres, all on one connection of its own.
 * They save work and keep order; were two to own a lane for a moment, the peer's dedup and the expected
 * versions of outcomes still hold.
 */
export function laneLocks({ onLost, pool }: Options): LaneLocks {
  const held = new Set<string>()
  let client: Promise<pg.Client> | undefined
  let last: Promise<unknown> = Promise.resolve()
  let stopped = false

  const connect = async (): Promise<pg.Client> => {
    const { options } = pool.options as { options?: string }
    const fresh = new pg.Client({
      ...pool.options,
      password: pool.options.password,
      options: `${options ?? ''} ${KEEPALIVES}`.trim(),
    })
    fresh.on('error', (error) => {
      client = undefined
      held.clear()
      if (!stopped) onLost(error)
    })
    await fresh.connect()
    return fresh
  }

  /** One query at a time: the connection takes no more. */
  const query = <Row extends object>(text: string, values: unknown[]): Promise<Row[]> => {
    const turn = last.then(async () => (await (await connected()).query<Row>(text, values)).rows)
    last = turn.catch(() => undefined)
    return turn
  }

  const connected = async (): Promise<pg.Client> => {
    client ??= connect()
    try {
      return await client
    } catch (error) {
      client = undefined
      throw error
    }
  }

  return {
    acquire: async (lanes) => {
      const wanted = lanes.filter((lane) => !held.has(lane))
      if (wanted.length > 0) {
        const rows = await query<{ lane: string; locked: boolean }>(
          `select lane, pg_try_advisory_lock(hashtextextended('mailx/outbound/' || lane, 0)) as locked
             from unnest($1::text[]) as lane`,
          [wanted],
        )
        for (const { lane, locked } of rows) if (locked) held.add(lane)
      }
      return held
    },
    release: async (lane) => {
      if (!held.delete(lane)) return
      await query("select pg_advisory_unlock(hashtextextended('mailx/outbound/' || $1, 0))", [lane])
    },
    stop: async () => {
      stopped = true
      held.clear()
      await last
      const connection = await client?.catch(() => undefined)
      client = undefined
      await connection?.end()
    },
  }
}
