import { sodium } from '#sodium'

/** Unpredictable bytes from the system's generator. */
export const randomBytes = (length: number): Uint8Array => sodium.randomBytes(length)
