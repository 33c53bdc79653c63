import type { ClientServiceServer } from '@mailx/proto/client/v1/client_service'
import { deleteMessages } from './delete-messages.ts'
import { fetchBlobs } from './fetch-blobs.ts'
import { fetchMessages } from './fetch-messages.ts'
import type { GatewayDeps } from './gateway-deps.ts'
import { getDeliveryStatus } from './get-delivery-status.ts'
import { getDomain } from './get-domain.ts'
import { getUsage } from './get-usage.ts'
import { listMessages } from './list-messages.ts'
import { lookUpKeys } from './look-up-keys.ts'
import { openSession } from './open-session.ts'
import { publishDeviceList } from './publish-device-list.ts'
import { register } from './register.ts'
import { requestChallenge } from './request-challenge.ts'
import { setFlags } from './set-flags.ts'
import { submit } from './submit.ts'
import { submitStream } from './submit-stream.ts'
import { subscribe } from './subscribe.ts'
import { uploadBlob } from './upload-blob.ts'

/** All that clients may call. */
export const clientService = (deps: GatewayDeps): ClientServiceServer => ({
  getDomain: getDomain(deps),
  register: register(deps),
  requestChallenge: requestChallenge(deps),
  openSession: openSession(deps),
  publishDeviceList: publishDeviceList(deps),
  lookUpKeys: lookUpKeys(deps),
  uploadBlob: uploadBlob(deps),
  submit: submit(deps),
  submitStream: submitStream(deps),
  subscribe: subscribe(deps),
  listMessages: listMessages(deps),
  fetchMessages: fetchMessages(deps),
  fetchBlobs: fetchBlobs(deps),
  setFlags: setFlags(deps),
  deleteMessages: deleteMessages(deps),
  getDeliveryStatus: getDeliveryStatus(deps),
  getUsage: getUsage(deps),
})
