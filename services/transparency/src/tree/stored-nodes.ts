import { MailxError } from '@mailx/errors/mailx-error'
import type { Sql } from '@mailx/event-log/sql'
import type { ReadNode } from '@mailx/merkle/tile'

const read = `select n.level, n.index, n.hash from transparency.nodes n
  join unnest($2::int[], $3::bigint[]) as k(level, index) using (level, index)
  where n.domain = $1`

type Wanted = {
  readonly level: number
  readonly index: number
  readonly resolve: (hash: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

/**
 * Reads nodes of a domain's tree. What is asked for in one turn of the event loop, that is all of a
 * proof, is one query. Rejects with CORRUPT_LOG for a node that should be there and is not.
 */
export function storedNodes(sql: Sql, domain: string): ReadNode {
  let queue: Wanted[] = []

  const flush = async () => {
    const wanted = queue
    queue = []
    try {
      const found = await readAll(sql, domain, wanted)
      for (const { index, level, reject, resolve } of wanted) {
        const hash = found.get(`${level}/${index}`)
        if (hash === undefined) reject(missing(domain, level, index))
        else resolve(hash)
      }
    } catch (error) {
      for (const { reject } of wanted) reject(error)
    }
  }

  return (level, index) =>
    new Promise((resolve, reject) => {
      queue.push({ level, index, resolve, reject })
      if (queue.length === 1) setImmediate(() => void flush())
    })
}

async function readAll(sql: Sql, domain: string, wanted: readonly Wanted[]) {
  type Row = { level: number; index: string; hash: Uint8Array }
  const { rows } = await sql.query<Row>(read, [
    domain,
    wanted.map(({ level }) => level),
    wanted.map(({ index }) => index),
  ])
  return new Map(rows.map(({ hash, index, level }) => [`${level}/${index}`, hash]))
}

const missing = (domain: string, level: number, index: number) =>
  new MailxError('CORRUPT_LOG', `the key log of ${domain} lacks its node ${level}/${index}`)
