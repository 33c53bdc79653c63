import { callUnary } from '@mailx/grpc/client'
import type { InternalGrpc } from '@mailx/grpc/internal-grpc'
import { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import type { TestDns } from '@mailx/testing/test-dns'
import type { Deployment } from './deployment.ts'

/** Publishes what each domain of the deployment says of itself in DNS: its TXT record and its hosts. */
export async function publishRecords(
  deployment: Deployment,
  internal: InternalGrpc,
  dns: TestDns,
): Promise<void> {
  const address = deployment.env['IDENTITY_ADDRESS'] ?? ''
  const identity = internal.connect('identity', IdentityServiceClient, address)
  try {
    const { domains } = await callUnary(identity.listDomains, {})
    for (const { domain, txtRecord } of domains) {
      dns.add({ name: `_mailx.${domain}`, type: 'TXT', data: [txtRecord] })
      dns.add({ name: `mailx.${domain}`, type: 'A', data: '127.0.0.1' })
    }
  } finally {
    identity.close()
  }
}
