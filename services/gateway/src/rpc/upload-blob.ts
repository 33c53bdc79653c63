import { crashAt } from '@mailx/config/crash-at'
import { blake2b256 } from '@mailx/crypto/hash'
import { MailxError } from '@mailx/errors/mailx-error'
import { writeBlobs } from '@mailx/event-log/blobs'
import type { Sql } from '@mailx/event-log/sql'
import { unary } from '@mailx/grpc/unary'
import type { UploadBlobRequest, UploadBlobResponse } from '@mailx/proto/client/v1/client_service'
import { counter } from '@mailx/telemetry/metrics'
import type { Limits } from './limits.ts'
import type { Sessions } from './sessions.ts'

const attachmentBytes = counter({
  name: 'mailx_attachment_bytes_total',
  help: 'Bytes of attachment parts that were stored, by who sent them.',
  labelNames: ['from'],
})

const MAX_PART_BYTES = 1024 * 1024

type Deps = {
  readonly sql: Sql
  readonly sessions: Sessions
  readonly limits: Limits
  readonly now: () => number
}

/** Stores one part of an attachment. It is erased again unless a message names it within a day. */
export const uploadBlob = ({ sql, sessions, limits, now }: Deps) =>
  unary<UploadBlobRequest, UploadBlobResponse>(async ({ data }, call) => {
    const session = sessions.require(call)
    await limits.upload(session, data.length)
    if (data.length === 0) throw new MailxError('INVALID_ARGUMENT', 'data is empty')
    if (data.length > MAX_PART_BYTES) {
      throw new MailxError(
        'TOO_LARGE',
        `the part has ${data.length} bytes, the limit is ${MAX_PART_BYTES}; cut it smaller`,
      )
    }
    const hash = blake2b256(data)
    await writeBlobs(sql, [{ hash, data }], now())
    crashAt('gateway.after-upload')
    attachmentBytes.inc({ from: 'client' }, data.length)
    return { hash }
  })
