import { parseDomain } from '@mailx/address/domain'
import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Sql } from '@mailx/event-log/sql'
import { unary } from '@mailx/grpc/unary'
import { consistencyFromNodes, rootFromNodes } from '@mailx/merkle/tile'
import type {
  GetConsistencyProofRequest,
  GetConsistencyProofResponse,
} from '@mailx/proto/transparency/v1/transparency_service'
import { newestCheckpoint } from '../tree/newest-checkpoint.ts'
import { storedNodes } from '../tree/stored-nodes.ts'

type Deps = {
  readonly sql: Sql
  readonly onCorruption: (error: MailxError, domain: string) => void
}

export const getConsistencyProof = ({ onCorruption, sql }: Deps) =>
  unary<GetConsistencyProofRequest, GetConsistencyProofResponse>(async (request) => {
    const domain = parseDomain(request.domain)
    const { note, root, size } = await newestCheckpoint(sql, domain)
    const [size1, size2] = [Number(request.size1), Number(request.size2) || size]
    if (!(size1 >= 0 && size1 <= size2 && size2 <= size)) {
      throw new MailxError(
        'INVALID_ARGUMENT',
        `sizes must grow and end at the newest checkpoint's ${size} at most`,
      )
    }
    const readNode = storedNodes(sql, domain)
    const [proof, stored] = await Promise.all([
      consistencyFromNodes(size1, size2, readNode),
      rootFromNodes(size, readNode),
    ])
    if (!equal(stored, root)) {
      const error = new MailxError(
        'CORRUPT_LOG',
        `the key log of ${domain} is stored otherwise than it was signed`,
      )
      onCorruption(error, domain)
      throw error
    }
    return { proof, checkpoint: note, size2: BigInt(size2) }
  })
