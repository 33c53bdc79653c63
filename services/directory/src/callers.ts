import type { CallersOf } from '@mailx/grpc/allowed-callers'
import type { DirectoryServiceServer } from '@mailx/proto/directory/v1/directory_service'

/** Who may look up what: users of ours ask through gateway, peers through inbound-federation. */
export const callers: CallersOf<DirectoryServiceServer> = {
  lookUpKeys: ['gateway'],
  lookUpLocalKeys: ['inbound-federation'],
  getPeer: ['outbound-federation', 'inbound-federation'],
  pinPeer: ['operator'],
}
