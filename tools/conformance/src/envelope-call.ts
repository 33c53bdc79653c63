import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { toBase64 } from '@mailx/crypto/encoding'
import { formatId } from '@mailx/crypto/uuid'
import { openMessage, type ReadingDevice, type SenderDevice } from '@mailx/envelope/open-message'
import { encodePayload } from '@mailx/envelope/payload'
import type { JsonValue } from '@mailx/json/json-value'
import { parseUntrusted } from '@mailx/json/parse-untrusted'
import { arrayField, bytesField, objectField, objectOf, textField } from './fields.ts'
import type { Call } from './verdict.ts'

export const envelopeOpen: Call = (fields) => {
  const keyring = objectField(fields, 'keyring')
  const sender = objectField(fields, 'sender')
  const opened = openMessage({
    envelope: bytesField(fields, 'envelope'),
    content: bytesField(fields, 'content'),
    me: {
      address: textField(keyring, 'address'),
      devices: arrayField(keyring, 'devices').map(readingDevice),
    },
    sender: {
      address: textField(sender, 'address'),
      devices: arrayField(sender, 'devices').map(senderDevice),
    },
  })
  return {
    ok: true,
    out: {
      payload: parseUntrusted(encodePayload(opened.payload)),
      messageId: formatId(opened.messageId),
      sender: opened.sender,
      recipient: opened.recipient,
      createdAt: opened.createdAt,
      deviceId: toBase64(opened.deviceId),
    },
  }
}

function readingDevice(value: JsonValue): ReadingDevice {
  const device = objectOf(value, 'keyring.devices')
  const encryptionSecretKey =
    device['encryptionSecretKey'] === undefined
      ? encryptionKeyPair(bytesField(device, 'encryptionSeed')).secretKey
      : bytesField(device, 'encryptionSecretKey')
  return { id: bytesField(device, 'id'), encryptionSecretKey }
}

function senderDevice(value: JsonValue): SenderDevice {
  const device = objectOf(value, 'sender.devices')
  return {
    id: bytesField(device, 'id'),
    signingKey: bytesField(device, 'signingKey'),
    encryptionKey: bytesField(device, 'encryptionKey'),
  }
}
