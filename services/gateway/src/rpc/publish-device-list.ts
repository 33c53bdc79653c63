import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { PublishDeviceListRequest } from '@mailx/proto/client/v1/client_service'
import type { PublishDeviceListResponse } from '@mailx/proto/identity/v1/identity_service'
import type { GatewayDeps } from './gateway-deps.ts'

type Deps = Pick<GatewayDeps, 'identity' | 'sessions' | 'limits'>

/** A new device list of the session's user. Sessions of devices that it leaves out end within seconds. */
export const publishDeviceList = ({ identity, sessions, limits }: Deps) =>
  unary<PublishDeviceListRequest, PublishDeviceListResponse>(async ({ deviceList }, call) => {
    const session = sessions.require(call)
    await limits.call(session)
    return callUnary(identity.publishDeviceList, { address: session.address, deviceList })
  })
