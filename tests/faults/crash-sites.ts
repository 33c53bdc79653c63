import type { CrashPoint } from '@mailx/config/crash-at'
import type { ServiceName } from '@mailx/dev-tool/deployment'
import {
  commitRepliesLost,
  natsAway,
  type Provocation,
  peerAway,
  repliesToClientsLost,
  repliesToPeersLost,
} from './provocations.ts'

type CrashSite = {
  /** Where in the source the step is. */
  readonly file: string
  /** The services that come by it on the way of a message. */
  readonly services: readonly ServiceName[]
  /** Up to which time a process comes by it under any load: some steps are taken once, at its start. */
  readonly times: number
  /** What has to go wrong for it to come by. */
  readonly provocation?: Provocation
}

const appending: readonly ServiceName[] = ['gateway', 'outbound-federation', 'inbound-federation']
const projecting: readonly ServiceName[] = ['storage', 'outbound-federation']
const gateway = ['gateway'] as const
const outbound = ['outbound-federation'] as const
const inbound = ['inbound-federation'] as const
const storage = ['storage'] as const

const often = 20
const eventually = 3
const once = 1

/** Which services come by a crash point on the way of a message, and where. */
export const crashSites: Readonly<Record<CrashPoint, CrashSite>> = {
  'gateway.after-upload': {
    file: 'services/gateway/src/rpc/upload-blob.ts',
    services: gateway,
    times: eventually,
  },
  'gateway.before-append': {
    file: 'services/gateway/src/rpc/accept-submission.ts',
    services: gateway,
    times: often,
  },
  'log.before-send': {
    file: 'libs/event-log/src/write-batch.ts',
    services: appending,
    times: often,
  },
  'log.before-commit': {
    file: 'libs/event-log/src/partition-writer.ts',
    services: appending,
    times: once,
  },
  'log.after-commit': {
    file: 'libs/event-log/src/partition-writer.ts',
    services: appending,
    times: often,
  },
  'log.after-doubt': {
    file: 'libs/event-log/src/partition-writer.ts',
    services: appending,
    times: once,
    provocation: commitRepliesLost,
  },
  'gateway.after-commit': {
    file: 'services/gateway/src/rpc/accept-submission.ts',
    services: gateway,
    times: often,
  },
  'gateway.after-repeat': {
    file: 'services/gateway/src/rpc/accept-submission.ts',
    services: gateway,
    times: once,
    provocation: repliesToClientsLost,
  },
  'gateway.after-answer': {
    file: 'services/gateway/src/rpc/in-flight.ts',
    services: gateway,
    times: often,
  },
  'relay.before-publish': {
    file: 'libs/messaging/src/relay.ts',
    services: appending,
    times: often,
  },
  'relay.after-publish': {
    file: 'libs/messaging/src/relay.ts',
    services: appending,
    times: often,
  },
  'relay.after-mark': {
    file: 'libs/messaging/src/relay.ts',
    services: appending,
    times: often,
  },
  'sweep.before-publish': {
    file: 'libs/messaging/src/sweep.ts',
    services: appending,
    times: once,
    provocation: natsAway,
  },
  'sweep.after-publish': {
    file: 'libs/messaging/src/sweep.ts',
    services: appending,
    times: once,
    provocation: natsAway,
  },
  'sweep.after-mark': {
    file: 'libs/messaging/src/sweep.ts',
    services: appending,
    times: once,
    provocation: natsAway,
  },
  'processor.after-fallback': {
    file: 'libs/processors/src/run-unit.ts',
    services: projecting,
    times: once,
  },
  'projection.before-apply': {
    file: 'libs/processors/src/apply-page.ts',
    services: projecting,
    times: often,
  },
  'projection.before-commit': {
    file: 'libs/processors/src/apply-page.ts',
    services: projecting,
    times: often,
  },
  'projection.after-commit': {
    file: 'libs/processors/src/apply-page.ts',
    services: projecting,
    times: often,
  },
  'reactor.before-effect': {
    file: 'libs/processors/src/apply-page.ts',
    services: storage,
    times: often,
  },
  'reactor.after-effect': {
    file: 'libs/processors/src/apply-page.ts',
    services: storage,
    times: often,
  },
  'processor.after-store': {
    file: 'libs/processors/src/run-unit.ts',
    services: projecting,
    times: eventually,
  },
  'outbound.after-take-over': {
    file: 'services/outbound-federation/src/reactors/lanes.ts',
    services: outbound,
    times: once,
  },
  'outbound.after-refill': {
    file: 'services/outbound-federation/src/reactors/lane.ts',
    services: outbound,
    times: once,
  },
  'outbound.before-send': {
    file: 'services/outbound-federation/src/peers/deliver-to-peer.ts',
    services: outbound,
    times: often,
  },
  'outbound.after-part': {
    file: 'services/outbound-federation/src/peers/delivery-stream.ts',
    services: outbound,
    times: eventually,
  },
  'outbound.after-send': {
    file: 'services/outbound-federation/src/peers/delivery-stream.ts',
    services: outbound,
    times: often,
  },
  'outbound.after-answer': {
    file: 'services/outbound-federation/src/peers/deliver-to-peer.ts',
    services: outbound,
    times: often,
  },
  'outbound.after-record': {
    file: 'services/outbound-federation/src/reactors/attempt-batch.ts',
    services: outbound,
    times: often,
  },
  'outbound.after-floor': {
    file: 'services/outbound-federation/src/reactors/lane.ts',
    services: outbound,
    times: once,
  },
  'outbound.after-pause': {
    file: 'services/outbound-federation/src/reactors/lane.ts',
    services: outbound,
    times: once,
    provocation: peerAway,
  },
  'outbound.after-deferral': {
    file: 'services/outbound-federation/src/reactors/tell-senders.ts',
    services: outbound,
    times: eventually,
    provocation: peerAway,
  },
  'outbound.after-notice': {
    file: 'services/outbound-federation/src/reactors/tell-senders.ts',
    services: outbound,
    times: eventually,
    provocation: peerAway,
  },
  'outbound.before-bounce': {
    file: 'services/outbound-federation/src/reactors/tell-senders.ts',
    services: outbound,
    times: once,
  },
  'outbound.after-bounce': {
    file: 'services/outbound-federation/src/reactors/tell-senders.ts',
    services: outbound,
    times: once,
  },
  'inbound.after-part': {
    file: 'services/inbound-federation/src/peers/uploads.ts',
    services: inbound,
    times: eventually,
  },
  'inbound.after-upload': {
    file: 'services/inbound-federation/src/peers/uploads.ts',
    services: inbound,
    times: eventually,
  },
  'inbound.before-append': {
    file: 'services/inbound-federation/src/peers/receive-delivery.ts',
    services: inbound,
    times: often,
  },
  'inbound.after-commit': {
    file: 'services/inbound-federation/src/peers/receive-delivery.ts',
    services: inbound,
    times: often,
  },
  'inbound.after-repeat': {
    file: 'services/inbound-federation/src/peers/receive-message.ts',
    services: inbound,
    times: once,
    provocation: repliesToPeersLost,
  },
  'inbound.before-answer': {
    file: 'services/inbound-federation/src/peers/receive-batch.ts',
    services: inbound,
    times: often,
  },
  'inbound.after-answer': {
    file: 'services/inbound-federation/src/rpc/deliver-stream.ts',
    services: inbound,
    times: often,
  },
  'storage.before-announce': {
    file: 'services/storage/src/reactors/announce-changes.ts',
    services: storage,
    times: often,
  },
  'storage.after-announce': {
    file: 'services/storage/src/reactors/announce-changes.ts',
    services: storage,
    times: often,
  },
  'gateway.before-push': {
    file: 'services/gateway/src/reactors/hear-changes.ts',
    services: gateway,
    times: often,
  },
  'gateway.after-push': {
    file: 'services/gateway/src/rpc/subscribe.ts',
    services: gateway,
    times: often,
  },
}
