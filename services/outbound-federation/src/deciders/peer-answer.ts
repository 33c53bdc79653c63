import { parseId } from '@mailx/crypto/uuid'
import type {
  DeliveryResponse,
  DeliveryResponse_Status,
} from '@mailx/proto/delivery/v1/delivery_service'
import type { Fault } from './delivery.ts'

/** What a peer's answer to one delivery means for it. */
export type PeerAnswer =
  | { readonly type: 'accepted'; readonly acceptedId: Uint8Array; readonly acceptedAt: number }
  | { readonly type: 'refused'; readonly fault: Fault }
  | { readonly type: 'later'; readonly fault: Fault; readonly retryAfterMs: number }
  /** Nothing that can be acted on: the delivery is tried again with the same id. */
  | { readonly type: 'unknown'; readonly fault: Fault }

type Refusal = Exclude<DeliveryResponse_Status, 'ACCEPTED' | 'UNRECOGNIZED'>

const sentences: Readonly<Record<Refusal, string>> = {
  REJECTED_NO_SUCH_USER: 'there is no such user at the recipient’s domain',
  REJECTED_QUOTA_EXCEEDED: 'the recipient’s mailbox is full',
  REJECTED_RATE_LIMITED: 'the recipient’s domain takes no more at the moment',
  REJECTED_BLOCKED: 'the recipient does not take mail from this sender',
  TRY_LATER: 'the recipient’s domain asks to try later',
  STALE_DEVICE_LIST: 'the recipient has other devices now: send the message again',
  UNSUPPORTED_VERSION: 'the recipient’s domain does not speak this version yet',
  TOO_LARGE: 'the message is too large for the recipient’s domain',
  CONSENT_REQUIRED: 'the recipient has to agree first: send a contact request',
  REJECTED_INVALID: 'the recipient’s domain found the delivery invalid',
}

/** Reads one answer. The words of the peer are a stranger's: they are cut and cleaned. */
export function readAnswer(response: DeliveryResponse): PeerAnswer {
  const { retryAfterMs, status } = response
  switch (status) {
    case 'ACCEPTED':
      return readAcceptance(response)
    case 'TRY_LATER':
    case 'REJECTED_RATE_LIMITED':
    case 'UNSUPPORTED_VERSION':
      return { type: 'later', fault: faultOf(status, response.detail), retryAfterMs }
    case 'REJECTED_NO_SUCH_USER':
    case 'REJECTED_QUOTA_EXCEEDED':
    case 'REJECTED_BLOCKED':
    case 'STALE_DEVICE_LIST':
    case 'TOO_LARGE':
    case 'CONSENT_REQUIRED':
    case 'REJECTED_INVALID':
      return { type: 'refused', fault: faultOf(status, response.detail) }
    case 'UNRECOGNIZED':
      return unknown('the recipient’s domain answered with a status of a newer version')
  }
  return unknown('the recipient’s domain answered with no status')
}

/** 0 is ACCEPTED, and so an empty reply would be: it counts only with an id and a time. */
function readAcceptance({ messageId, timestamp }: DeliveryResponse): PeerAnswer {
  const acceptedAt = Number(timestamp)
  if (!(acceptedAt > 0)) return unknown('the recipient’s domain accepted without a time')
  try {
    return { type: 'accepted', acceptedId: parseId(messageId), acceptedAt }
  } catch {
    return unknown('the recipient’s domain accepted without a message id')
  }
}

function faultOf(status: Refusal, detail: string): Fault {
  const said = cleanText(detail)
  const reason = said === '' ? sentences[status] : `${sentences[status]} (${said})`
  return { code: status, reason }
}

const unknown = (reason: string): PeerAnswer => ({
  type: 'unknown',
  fault: { code: 'BAD_ANSWER', reason },
})

/** A stranger's text, fit to be shown and logged on one line. */
export const cleanText = (text: string): string =>
  text
    .slice(0, 300)
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
