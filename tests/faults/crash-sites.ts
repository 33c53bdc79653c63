import type { CrashPoint } from '@mailx/config/crash-at'
import type { ServiceName } from '@mailx/dev-tool/deployment'

const appending: readonly ServiceName[] = ['gateway', 'outbound-federation', 'inbound-federation']

/** Which services come by a crash point on the way of a message. */
export const crashSites: Readonly<Record<CrashPoint, readonly ServiceName[]>> = {
  'gateway.before-append': ['gateway'],
  'log.before-send': appending,
  'log.after-commit': appending,
  'gateway.after-commit': ['gateway'],
  'gateway.after-answer': ['gateway'],
  'relay.before-publish': appending,
  'relay.after-publish': appending,
  'relay.after-mark': appending,
  'projection.before-apply': ['storage', 'outbound-federation'],
  'projection.before-commit': ['storage', 'outbound-federation'],
  'projection.after-commit': ['storage', 'outbound-federation'],
  'reactor.before-effect': ['storage'],
  'reactor.after-effect': ['storage'],
  'outbound.before-send': ['outbound-federation'],
  'outbound.after-send': ['outbound-federation'],
  'outbound.after-answer': ['outbound-federation'],
  'outbound.after-record': ['outbound-federation'],
  'inbound.before-append': ['inbound-federation'],
  'inbound.after-commit': ['inbound-federation'],
  'inbound.after-answer': ['inbound-federation'],
  'storage.before-announce': ['storage'],
  'storage.after-announce': ['storage'],
  'gateway.before-push': ['gateway'],
  'gateway.after-push': ['gateway'],
}
