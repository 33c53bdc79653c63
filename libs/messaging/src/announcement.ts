import { isMacUnderOne, type Keys } from '@mailx/crypto/current-keys'
import { concat, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'

const MAC_BYTES = 32

/**
 * What travels on a core NATS subject: a keyed BLAKE2b-256 over subject and message, and the message.
 * An announcement may be lost; whoever hears it knows that a process of this deployment made it.
 */
export const sealAnnouncement = (busKeys: Keys, subject: string, message: Uint8Array): Uint8Array =>
  concat(macOf(busKeys[0], subject, message), message)

/** The message; undefined for what nobody with a bus key said on this subject. */
export function openAnnouncement(
  busKeys: Keys,
  subject: string,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < MAC_BYTES) return undefined
  const message = sealed.subarray(MAC_BYTES)
  const mac = sealed.slice(0, MAC_BYTES)
  const genuine = isMacUnderOne(busKeys, mac, (key) => macOf(key, subject, message))
  return genuine ? message : undefined
}

const macOf = (busKey: Uint8Array, subject: string, message: Uint8Array): Uint8Array =>
  blake2b(concat(utf8(`announcement\0${subject}\0`), message), { key: busKey })
