import { parseAddress } from '@mailx/address/address'
import { MailxError } from '@mailx/errors/mailx-error'
import { handleCommand } from '@mailx/event-log/handle-command'
import { userEvents } from '@mailx/events/identity'
import { unary } from '@mailx/grpc/unary'
import { unixMs } from '@mailx/keys/unix-ms'
import type {
  RegisterUserRequest,
  RegisterUserResponse,
} from '@mailx/proto/identity/v1/identity_service'
import { hashAddress } from '@mailx/telemetry/logger'
import { user } from '../deciders/user.ts'
import { attesting } from '../domain-key/attest-user.ts'
import { hostedDomain } from '../domain-key/create-domain.ts'
import type { DomainKeyDeps } from '../domain-key/domain-keys.ts'
import { userStream } from '../domain-key/identity-state.ts'
import { currentIdentity } from './current-identity.ts'

export const registerUser = (deps: DomainKeyDeps) =>
  unary<RegisterUserRequest, RegisterUserResponse>(async (request) => {
    const { address, deviceList, publicKey } = request
    const { domain } = parseAddress(address)
    if (deviceList === undefined) {
      throw new MailxError('INVALID_ARGUMENT', 'device_list is missing: send version 1 of it')
    }
    const hosted = await hostedDomain(deps, domain)
    const { events } = await handleCommand(deps.log, {
      ...userStream(address, domain),
      codecs: userEvents,
      decider: user,
      command: {
        type: 'RegisterUser',
        address,
        publicKey,
        provedAt: unixMs(request.atUnixMs, 'at_unix_ms'),
        possession: request.possessionSignature,
        deviceList,
        ...(await attesting(deps, hosted)),
      },
      metadata: { actor: hashAddress(address) },
      assumeNew: true,
    })
    return { identity: await currentIdentity(deps.log, events, address, domain) }
  })
