import type { CallersOf } from '@mailx/grpc/allowed-callers'
import type { OutboundServiceServer } from '@mailx/proto/outbound/v1/outbound_service'

/** Who may have peers asked. */
export const callers: CallersOf<OutboundServiceServer> = {
  lookUpPeerKeys: ['directory'],
}
