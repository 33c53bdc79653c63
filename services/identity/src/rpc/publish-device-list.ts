import { parseAddress } from '@mailx/address/address'
import { MailxError } from '@mailx/errors/mailx-error'
import { handleCommand } from '@mailx/event-log/handle-command'
import { userEvents } from '@mailx/events/identity'
import { unary } from '@mailx/grpc/unary'
import type {
  PublishDeviceListRequest,
  PublishDeviceListResponse,
} from '@mailx/proto/identity/v1/identity_service'
import { hashAddress } from '@mailx/telemetry/logger'
import { user } from '../deciders/user.ts'
import { attesting } from '../domain-key/attest-user.ts'
import { hostedDomain } from '../domain-key/create-domain.ts'
import type { DomainKeyDeps } from '../domain-key/domain-keys.ts'
import { userStream } from '../domain-key/identity-state.ts'
import { currentIdentity } from './current-identity.ts'

export const publishDeviceList = (deps: DomainKeyDeps) =>
  unary<PublishDeviceListRequest, PublishDeviceListResponse>(async ({ address, deviceList }) => {
    const { domain } = parseAddress(address)
    if (deviceList?.address !== address) {
      throw new MailxError('INVALID_ARGUMENT', 'device_list must be there and of this address')
    }
    const hosted = await hostedDomain(deps, domain)
    const { events } = await handleCommand(deps.log, {
      ...userStream(address, domain),
      codecs: userEvents,
      decider: user,
      command: { type: 'PublishDeviceList', deviceList, ...(await attesting(deps, hosted)) },
      metadata: { actor: hashAddress(address) },
    })
    return { identity: await currentIdentity(deps.log, events, address, domain) }
  })
