import { openBox, sealBox } from '@mailx/crypto/box'
import { concat } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import type { KeyPacket } from '@mailx/proto/envelope/v1/envelope'

export type PacketDevice = {
  readonly id: Uint8Array
  /** X25519 public key. */
  readonly encryptionKey: Uint8Array
}

/** Finds a device's packet, and tells nothing to those who do not know the device's key. */
export const deviceTag = (device: PacketDevice, messageId: Uint8Array): Uint8Array =>
  blake2b(concat(messageId, device.id), { length: 16, key: device.encryptionKey })

/** The content key for one device, from the sender's device. The nonce is 24 random bytes. */
export const sealKeyPacket = (request: {
  readonly device: PacketDevice
  readonly messageId: Uint8Array
  readonly senderSecretKey: Uint8Array
  readonly contentKey: Uint8Array
  readonly nonce: Uint8Array
}): KeyPacket => ({
  deviceTag: deviceTag(request.device, request.messageId),
  nonce: request.nonce,
  box: sealBox(
    {
      recipient: request.device.encryptionKey,
      sender: request.senderSecretKey,
      nonce: request.nonce,
    },
    request.contentKey,
  ),
})

/** The content key, or undefined if the packet is not from that sender's device to this one. */
export const openKeyPacket = (
  packet: KeyPacket,
  keys: { readonly secretKey: Uint8Array; readonly senderEncryptionKey: Uint8Array },
): Uint8Array | undefined =>
  openBox(
    { recipient: keys.secretKey, sender: keys.senderEncryptionKey, nonce: packet.nonce },
    packet.box,
  )
