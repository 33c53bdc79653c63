import { parseDomain } from '@mailx/address/domain'
import type { Sql } from '@mailx/event-log/sql'
import { unary } from '@mailx/grpc/unary'
import type {
  GetCheckpointRequest,
  GetCheckpointResponse,
} from '@mailx/proto/transparency/v1/transparency_service'
import { newestCheckpoint } from '../tree/newest-checkpoint.ts'

export const getCheckpoint = ({ sql }: { readonly sql: Sql }) =>
  unary<GetCheckpointRequest, GetCheckpointResponse>(async ({ domain }) => {
    const { note, size } = await newestCheckpoint(sql, parseDomain(domain))
    return { checkpoint: note, size: BigInt(size) }
  })
