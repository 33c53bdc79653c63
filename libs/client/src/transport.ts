import type {
  DeleteMessagesRequest,
  FetchBlobsRequest,
  FetchMessagesRequest,
  GetDeliveryStatusRequest,
  GetDomainRequest,
  GetDomainResponse,
  GetUsageRequest,
  ListMessagesRequest,
  LookUpKeysRequest,
  LookUpKeysResponse,
  Notification,
  PublishDeviceListRequest,
  SetFlagsRequest,
  Submission,
  SubmitResult,
  UploadBlobRequest,
  UploadBlobResponse,
} from '@mailx/proto/client/v1/client_service'
import type {
  IssueChallengeRequest,
  IssueChallengeResponse,
  OpenSessionRequest,
  OpenSessionResponse,
  PublishDeviceListResponse,
  RegisterUserRequest,
  RegisterUserResponse,
} from '@mailx/proto/identity/v1/identity_service'
import type {
  DeleteMessagesResponse,
  FetchBlobsResponse,
  FetchMessagesResponse,
  GetDeliveryStatusResponse,
  GetUsageResponse,
  ListMessagesResponse,
  SetFlagsResponse,
} from '@mailx/proto/storage/v1/storage_service'

/** What a call carries besides its request. */
export type CallOptions = {
  /** The session token; absent for the four calls that need none. */
  readonly token?: Uint8Array
  /** W3C trace context to continue. */
  readonly traceparent?: string
  readonly timeoutMs?: number
  /** Ends the call from this side. */
  readonly signal?: AbortSignal
}

type Call<Request, Response> = (request: Request, options?: CallOptions) => Promise<Response>

/** A stream of submissions: results come in the order in which the server decided them. */
export type SubmitStream = {
  /** Sends one frame. Resolves when the transport can take the next one. */
  send(submissions: readonly Submission[]): Promise<void>
  readonly results: AsyncIterable<readonly SubmitResult[]>
  /** No more frames; `results` ends when all sent ones are decided. */
  end(): void
}

/**
 * The way to a home server's ClientService. Rejections are MailxErrors with the server's code. The
 * rest of this library knows nothing of sockets, so a browser brings a transport of its own.
 */
export type Transport = {
  readonly getDomain: Call<GetDomainRequest, GetDomainResponse>
  readonly register: Call<RegisterUserRequest, RegisterUserResponse>
  readonly requestChallenge: Call<IssueChallengeRequest, IssueChallengeResponse>
  readonly openSession: Call<OpenSessionRequest, OpenSessionResponse>
  readonly publishDeviceList: Call<PublishDeviceListRequest, PublishDeviceListResponse>
  readonly lookUpKeys: Call<LookUpKeysRequest, LookUpKeysResponse>
  readonly uploadBlob: Call<UploadBlobRequest, UploadBlobResponse>
  readonly submit: Call<Submission, SubmitResult>
  readonly listMessages: Call<ListMessagesRequest, ListMessagesResponse>
  readonly fetchMessages: Call<FetchMessagesRequest, FetchMessagesResponse>
  readonly fetchBlobs: Call<FetchBlobsRequest, FetchBlobsResponse>
  readonly setFlags: Call<SetFlagsRequest, SetFlagsResponse>
  readonly deleteMessages: Call<DeleteMessagesRequest, DeleteMessagesResponse>
  readonly getDeliveryStatus: Call<GetDeliveryStatusRequest, GetDeliveryStatusResponse>
  readonly getUsage: Call<GetUsageRequest, GetUsageResponse>
  readonly subscribe: (options: CallOptions) => AsyncIterable<Notification>
  readonly submitStream: (options: CallOptions) => SubmitStream
  readonly close: () => void
}
