import type { CallersOf } from '@mailx/grpc/allowed-callers'
import type { IdentityServiceServer } from '@mailx/proto/identity/v1/identity_service'

/** Who may ask identity for what: keys and certificates go to the services that show them, alone. */
export const callers: CallersOf<IdentityServiceServer> = {
  createDomain: ['operator'],
  listDomains: ['operator'],
  certifyOperationalKey: ['transparency', 'outbound-federation', 'inbound-federation'],
  issueCertificate: ['gateway', 'outbound-federation', 'inbound-federation'],
  getDomainDocument: ['gateway', 'inbound-federation'],
  registerUser: ['gateway'],
  publishDeviceList: ['gateway'],
  issueChallenge: ['gateway'],
  openSession: ['gateway'],
}
