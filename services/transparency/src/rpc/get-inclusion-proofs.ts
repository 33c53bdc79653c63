import { parseDomain } from '@mailx/address/domain'
import { equal, toHex } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { byteaArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'
import { unary } from '@mailx/grpc/unary'
import { verifyInclusion } from '@mailx/merkle/inclusion-proof'
import { inclusionFromNodes, type ReadNode } from '@mailx/merkle/tile'
import { leafHash } from '@mailx/merkle/tree-hash'
import type { LogProof } from '@mailx/proto/keys/v1/keys'
import type {
  GetInclusionProofsRequest,
  GetInclusionProofsResponse,
} from '@mailx/proto/transparency/v1/transparency_service'
import { newestCheckpoint, type StoredCheckpoint } from '../tree/newest-checkpoint.ts'
import { storedNodes } from '../tree/stored-nodes.ts'

const MAX_HASHES = 1000

type Deps = {
  readonly sql: Sql
  /** Told when what is stored contradicts what was signed. */
  readonly onCorruption: (error: MailxError, domain: string) => void
}

type Leaf = { readonly hash: Uint8Array; readonly index: number; readonly leaf: Uint8Array }

export const getInclusionProofs = ({ onCorruption, sql }: Deps) =>
  unary<GetInclusionProofsRequest, GetInclusionProofsResponse>(async (request) => {
    const domain = parseDomain(request.domain)
    const wanted = request.leafHashes
    if (wanted.length === 0 || wanted.length > MAX_HASHES) {
      throw new MailxError('INVALID_ARGUMENT', `ask for 1 to ${MAX_HASHES} leaf hashes`)
    }
    const checkpoint = await newestCheckpoint(sql, domain)
    const leaves = await findLeaves(sql, domain, wanted, checkpoint.size)
    const readNode = storedNodes(sql, domain)
    try {
      const proofs = await Promise.all(leaves.map((leaf) => proofOf(leaf, checkpoint, readNode)))
      return { checkpoint: checkpoint.note, proofs }
    } catch (error) {
      if (error instanceof MailxError && error.code === 'CORRUPT_LOG') onCorruption(error, domain)
      throw error
    }
  })

/** The leaves in the order asked. Throws NOT_FOUND unless the checkpoint covers all of them. */
async function findLeaves(
  sql: Sql,
  domain: string,
  hashes: readonly Uint8Array[],
  size: number,
): Promise<Leaf[]> {
  const { rows } = await sql.query<{ hash: Uint8Array; index: string; leaf: Uint8Array }>(
    `select hash, index, leaf from transparency.leaves
       where domain = $1 and hash = any($2::bytea[]) and index < $3`,
    [domain, byteaArray(hashes), size],
  )
  const found = new Map(rows.map((row) => [toHex(row.hash), { ...row, index: Number(row.index) }]))
  return hashes.map((hash) => {
    const leaf = found.get(toHex(hash))
    if (leaf !== undefined) return leaf
    throw new MailxError('NOT_FOUND', 'no checkpoint covers all of these leaves yet; try again', {
      retryAfterMs: 1_000,
    })
  })
}

/** The audit path, proved right before anybody relies on it: also against the leaf's own bytes. */
async function proofOf(
  { hash, index, leaf }: Leaf,
  { root, size }: StoredCheckpoint,
  readNode: ReadNode,
): Promise<LogProof> {
  const path = await inclusionFromNodes(index, size, readNode)
  const intact =
    equal(leafHash(leaf), hash) &&
    verifyInclusion({ leafHash: hash, index, size, root, proof: path })
  if (!intact) {
    throw new MailxError('CORRUPT_LOG', `leaf ${index} is stored otherwise than it was signed`)
  }
  return { opening: new Uint8Array(0), leafAtUnixMs: 0n, index: BigInt(index), path }
}
