import type { CallersOf } from '@mailx/grpc/allowed-callers'
import type { StorageServiceServer } from '@mailx/proto/storage/v1/storage_service'

/** Mailboxes are for their owners, who come by gateway. */
export const callers: CallersOf<StorageServiceServer> = {
  listMessages: ['gateway'],
  fetchMessages: ['gateway'],
  fetchBlobs: ['gateway'],
  setFlags: ['gateway'],
  deleteMessages: ['gateway'],
  getDeliveryStatus: ['gateway'],
  getUsage: ['gateway'],
}
