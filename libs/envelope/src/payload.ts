import { utf8 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { isJsonObject, type JsonValue } from '@mailx/json/json-value'
import { parseUntrusted } from '@mailx/json/parse-untrusted'
import { parseTime } from '@mailx/keys/unix-ms'
import { MAX_ATTACHMENTS, MAX_CONTENT_BYTES, MAX_RECIPIENTS } from './limits.ts'
import {
  type Attachment,
  decodeAttachment,
  encodeAttachment,
  isInline,
} from './payload-attachment.ts'
import { address, contentType, line, list, refusal, text, uuid } from './payload-fields.ts'

/** What the recipient reads. Bcc is in no payload. */
export type Payload = {
  /** The envelope's message id as UUID text. */
  readonly messageId: string
  /** The envelope's sender. */
  readonly from: string
  /** Addresses; a +tag is kept. */
  readonly to: readonly string[]
  readonly cc: readonly string[]
  /** RFC 3339, UTC. */
  readonly date: string
  readonly subject: string
  /** Of the body, for example text/plain. */
  readonly contentType: string
  readonly body: string
  /** A message id, as are the references: oldest first. */
  readonly inReplyTo?: string
  readonly references: readonly string[]
  readonly attachments: readonly Attachment[]
}

const MAX_REFERENCES = 100
const MAX_ID_LENGTH = 250
const MAX_SUBJECT_LENGTH = 1000

/** The payload as JSON in UTF-8. Throws TOO_LARGE, or INVALID_ARGUMENT for what decodePayload refuses. */
export function encodePayload(payload: Payload): Uint8Array {
  const value = {
    messageId: payload.messageId,
    from: payload.from,
    to: payload.to,
    cc: payload.cc,
    date: payload.date,
    subject: payload.subject,
    contentType: payload.contentType,
    body: payload.body,
    ...(payload.inReplyTo !== undefined && { inReplyTo: payload.inReplyTo }),
    references: payload.references,
    attachments: payload.attachments.map(encodeAttachment),
  }
  const bytes = utf8(JSON.stringify(value))
  if (bytes.length > MAX_CONTENT_BYTES) {
    throw new MailxError(
      'TOO_LARGE',
      `the message has ${bytes.length} bytes, the limit is ${MAX_CONTENT_BYTES}; send the larger parts as attachments in blobs`,
    )
  }
  try {
    decodePayload(bytes)
  } catch (cause) {
    if (!(cause instanceof MailxError)) throw cause
    throw new MailxError('INVALID_ARGUMENT', cause.message, { cause })
  }
  return bytes
}

/** Reads a decrypted payload. Members that this version does not know are dropped. Throws BAD_CONTENT. */
export function decodePayload(bytes: Uint8Array): Payload {
  const value = parse(bytes)
  if (!isJsonObject(value)) throw new MailxError('BAD_CONTENT', 'the payload is not a JSON object')
  const { to, cc, references, attachments } = value
  return {
    messageId: uuid(value['messageId'], 'messageId'),
    from: address(value['from'], 'from'),
    to: list(to, 'to', MAX_RECIPIENTS).map((item) => address(item, 'to')),
    cc: list(cc, 'cc', MAX_RECIPIENTS).map((item) => address(item, 'cc')),
    date: date(value['date']),
    subject: line(value['subject'], 'subject', MAX_SUBJECT_LENGTH),
    contentType: contentType(value['contentType'], 'contentType'),
    body: text(value['body'], 'body', MAX_CONTENT_BYTES),
    ...(value['inReplyTo'] !== undefined && {
      inReplyTo: line(value['inReplyTo'], 'inReplyTo', MAX_ID_LENGTH),
    }),
    references: list(references, 'references', MAX_REFERENCES).map((item) =>
      line(item, 'references', MAX_ID_LENGTH),
    ),
    attachments: list(attachments, 'attachments', MAX_ATTACHMENTS).map(decodeAttachment),
  }
}

function date(value: JsonValue | undefined): string {
  const found = text(value, 'date', 30)
  if (parseTime(found) === undefined) throw refusal('date', 'is not RFC 3339 in UTC')
  return found
}

function parse(bytes: Uint8Array): JsonValue {
  try {
    return parseUntrusted(bytes, { maxBytes: MAX_CONTENT_BYTES })
  } catch (cause) {
    if (!(cause instanceof MailxError)) throw cause
    throw new MailxError('BAD_CONTENT', `payload: ${cause.message}`, { cause })
  }
}

/** The hashes of all parts that must be uploaded and fetched beside the content. */
export const attachmentHashes = (payload: Pick<Payload, 'attachments'>): Uint8Array[] =>
  payload.attachments.flatMap((attachment) =>
    isInline(attachment) ? [] : [...attachment.partHashes],
  )
