import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Sql } from '@mailx/event-log/sql'
import { newNodes, type ReadNode, rootFromNodes } from '@mailx/merkle/tile'
import { leafHash } from '@mailx/merkle/tree-hash'
import { storedNodes } from './stored-nodes.ts'

const readLeaves = `select leaf from transparency.leaves
  where domain = $1 and index >= $2 and index < $3 order by index`

export type VerifiedGrowth = {
  readonly root: Uint8Array
  /** The root of the first `from` leaves as they are stored now. */
  readonly rootOfSigned: Uint8Array
}

/**
 * The root over `to` leaves, in which leaves `from` … `to` - 1 count as they are stored: each is hashed
 * again from its bytes, and every node above it is computed and compared with the stored one. Throws
 * CORRUPT_LOG where they differ (THREATS T13).
 */
export async function verifiedGrowth(
  sql: Sql,
  domain: string,
  from: number,
  to: number,
): Promise<VerifiedGrowth> {
  const { rows } = await sql.query<{ leaf: Uint8Array }>(readLeaves, [domain, from, to])
  if (rows.length !== to - from) {
    throw new MailxError('CORRUPT_LOG', `the key log of ${domain} lacks leaves before ${to}`)
  }
  const readNode = storedNodes(sql, domain)
  const hashes = rows.map(({ leaf }) => leafHash(leaf))
  const computed = await newNodes(from, hashes, readNode)
  const overlay = new Map(computed.map(({ hash, index, level }) => [`${level}/${index}`, hash]))
  await Promise.all(
    computed.map(async ({ hash, index, level }) => {
      if (equal(await readNode(level, index), hash)) return
      throw new MailxError(
        'CORRUPT_LOG',
        `the key log of ${domain} has a wrong node ${level}/${index}: its leaves say otherwise`,
      )
    }),
  )
  const checkedNode: ReadNode = async (level, index) =>
    overlay.get(`${level}/${index}`) ?? readNode(level, index)
  const [root, rootOfSigned] = await Promise.all([
    rootFromNodes(to, checkedNode),
    rootFromNodes(from, readNode),
  ])
  return { root, rootOfSigned }
}
