import type { CallersOf } from '@mailx/grpc/allowed-callers'
import type { TransparencyServiceServer } from '@mailx/proto/transparency/v1/transparency_service'

/** Who may ask for proofs. */
export const callers: CallersOf<TransparencyServiceServer> = {
  getCheckpoint: ['inbound-federation'],
  getInclusionProofs: ['directory'],
  getConsistencyProof: ['operator'],
}
