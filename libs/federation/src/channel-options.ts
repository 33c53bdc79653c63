import { keepalive } from '@mailx/grpc/client'

/** A batch is 4 MiB at most; framing and signatures come on top. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024 + 256 * 1024

/** Several batches are under way: the next ones are to be there when one is answered. */
export const RECEIVE_WINDOW_BYTES = 4 * 1024 * 1024

/** What both ends of a peer connection agree to without saying. */
export const transportOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  ...keepalive,
  'grpc-node.flow_control_window': RECEIVE_WINDOW_BYTES,
}

/** A channel is one connection: no pool, no proxy, no retry behind the caller's back, no idling. */
export const channelOptions = {
  ...transportOptions,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.client_idle_timeout_ms': 0x7fffffff,
}
