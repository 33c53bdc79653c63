import type { RateLimiter } from '@mailx/cache/rate-limit'
import type { PeerChallenge } from '@mailx/federation/authorize-peer'
import type { ConnectionOf } from '@mailx/federation/peer-server'
import type { GrpcService } from '@mailx/grpc/server'
import { DeliveryServiceService } from '@mailx/proto/delivery/v1/delivery_service'
import type { DirectoryServiceClient } from '@mailx/proto/directory/v1/directory_service'
import type { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import { PeerServiceService } from '@mailx/proto/peer/v1/peer_service'
import type { TransparencyServiceClient } from '@mailx/proto/transparency/v1/transparency_service'
import type { BatchSlots } from '../peers/batch-slots.ts'
import type { BatchReceiver } from '../peers/receive-batch.ts'
import type { Uploads } from '../peers/uploads.ts'
import { authorize } from './authorize.ts'
import { deliverMessage } from './deliver-message.ts'
import { deliverStream } from './deliver-stream.ts'
import { getServerInfo } from './get-server-info.ts'
import { hello } from './hello.ts'
import { lookUpKeys } from './look-up-keys.ts'
import { traceOf } from './trace-of.ts'

type Deps = {
  readonly connectionOf: ConnectionOf
  readonly challenge: PeerChallenge
  readonly receive: BatchReceiver
  readonly slots: BatchSlots
  readonly uploads: Uploads
  readonly uploadRate: RateLimiter
  readonly directory: Pick<DirectoryServiceClient, 'lookUpLocalKeys'>
  readonly identity: Pick<IdentityServiceClient, 'getDomainDocument'>
  readonly transparency: Pick<TransparencyServiceClient, 'getCheckpoint'>
  readonly isTraced: (peer: string) => boolean
}

/** Everything that peers may call. */
export function peerServices(deps: Deps): readonly GrpcService[] {
  const traced = { ...deps, trace: traceOf(deps.connectionOf, deps.isTraced) }
  return [
    {
      definition: PeerServiceService,
      implementation: {
        hello: hello(deps),
        authorize: authorize(deps),
        lookUpKeys: lookUpKeys(traced),
      },
    },
    {
      definition: DeliveryServiceService,
      implementation: {
        deliverMessage: deliverMessage(traced),
        deliverStream: deliverStream(traced),
        getServerInfo: getServerInfo(deps),
      },
    },
  ]
}
