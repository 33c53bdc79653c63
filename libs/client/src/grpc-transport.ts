import { createSecureContext } from 'node:tls'
import {
  credentials,
  type CallOptions as GrpcOptions,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { toBase64 } from '@mailx/crypto/encoding'
import { keepalive } from '@mailx/grpc/client'
import { limitConnecting } from '@mailx/grpc/connect-limit'
import { fromServiceError } from '@mailx/grpc/status'
import type { DomainDocument } from '@mailx/keys/domain-document'
import {
  ClientServiceClient,
  type Notification,
  type SubmitResult,
  type SubmitStreamResponse,
} from '@mailx/proto/client/v1/client_service'
import type { CallOptions, SubmitStream, Transport } from './transport.ts'

const DEFAULT_TIMEOUT_MS = 15_000

type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<GrpcOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => { cancel(): void }

/**
 * The transport of Node programs: gRPC over TLS 1.3 to the client endpoint of a verified domain
 * document. The server's certificate must be issued by that document's CA certificate for exactly
 * this domain, so no web CA is asked.
 */
export function grpcTransport(
  document: DomainDocument,
  options: { readonly endpoint?: string; readonly resolveTo?: string } = {},
): Transport {
  const { domain, caCertificate, endpoints } = document
  const endpoint = options.endpoint ?? endpoints.client
  const context = createSecureContext({ ca: caCertificate, minVersion: 'TLSv1.3' })
  const channelCredentials = credentials.createFromSecureContext(context, {
    checkServerIdentity: (_host, certificate) =>
      certificate.subjectaltname === `DNS:${domain}`
        ? undefined
        : new Error(
            `the server at ${endpoint} shows a certificate for ${certificate.subjectaltname}`,
          ),
  })
  const client = new ClientServiceClient(
    options.resolveTo ?? endpoint,
    limitConnecting(channelCredentials),
    {
      ...keepalive,
      'grpc.ssl_target_name_override': domain,
      'grpc.default_authority': domain,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': 8 * 1024 * 1024,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 5000,
    },
  )
  const unary =
    <Request, Response>(method: Unary<Request, Response>) =>
    (request: Request, call: CallOptions = {}) =>
      callOnce(method.bind(client), request, call)
  return {
    getDomain: unary(client.getDomain),
    register: unary(client.register),
    requestChallenge: unary(client.requestChallenge),
    openSession: unary(client.openSession),
    publishDeviceList: unary(client.publishDeviceList),
    lookUpKeys: unary(client.lookUpKeys),
    uploadBlob: unary(client.uploadBlob),
    submit: unary(client.submit),
    listMessages: unary(client.listMessages),
    fetchMessages: unary(client.fetchMessages),
    fetchBlobs: unary(client.fetchBlobs),
    setFlags: unary(client.setFlags),
    deleteMessages: unary(client.deleteMessages),
    getDeliveryStatus: unary(client.getDeliveryStatus),
    getUsage: unary(client.getUsage),
    subscribe: (call) => subscribe(client, call),
    submitStream: (call) => submitStream(client, call),
    close: () => client.close(),
  }
}

function metadataOf({ token, traceparent }: CallOptions): Metadata {
  const metadata = new Metadata()
  if (token) metadata.set('authorization', `Bearer ${toBase64(token)}`)
  if (traceparent) metadata.set('traceparent', traceparent)
  return metadata
}

function callOnce<Request, Response>(
  method: Unary<Request, Response>,
  request: Request,
  options: CallOptions,
): Promise<Response> {
  const deadline = Date.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS)
  return new Promise((resolve, reject) => {
    const call = method(request, metadataOf(options), { deadline }, (error, response) => {
      if (error) reject(fromServiceError(error))
      else resolve(response)
    })
    options.signal?.addEventListener('abort', () => call.cancel(), { once: true })
  })
}

async function* subscribe(
  client: ClientServiceClient,
  options: CallOptions,
): AsyncGenerator<Notification> {
  const call = client.subscribe({}, metadataOf(options))
  options.signal?.addEventListener('abort', () => call.cancel(), { once: true })
  try {
    for await (const notification of call) yield notification as Notification
  } catch (error) {
    if (options.signal?.aborted) return
    throw fromServiceError(error as ServiceError)
  } finally {
    call.cancel()
  }
}

function submitStream(client: ClientServiceClient, options: CallOptions): SubmitStream {
  const call = client.submitStream(metadataOf(options))
  options.signal?.addEventListener('abort', () => call.cancel(), { once: true })
  return {
    send: (submissions) =>
      new Promise((resolve, reject) => {
        if (call.write({ submissions })) resolve()
        else {
          call.once('drain', resolve)
          call.once('error', reject)
        }
      }),
    results: resultsOf(call),
    end: () => call.end(),
  }
}

async function* resultsOf(
  call: AsyncIterable<SubmitStreamResponse>,
): AsyncGenerator<readonly SubmitResult[]> {
  try {
    for await (const { results } of call) yield results
  } catch (error) {
    throw fromServiceError(error as ServiceError)
  }
}
