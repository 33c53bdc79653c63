import type { Submission } from '@mailx/proto/client/v1/client_service'
import type { Person } from './people.ts'

/** A message of the load, from being sealed until everybody has heard of it. */
export type Message = {
  readonly number: number
  /** Its id, as maps hold it. */
  readonly key: string
  readonly sender: Person
  readonly recipients: readonly Person[]
  /** Those to whom it is addressed, too, and who do not exist; as the journal numbers them. */
  readonly absent: readonly number[]
  /** Of the body. */
  readonly bytes: number
  readonly submission: Submission
  /** Sealed parts of its attachment, to be uploaded before. */
  readonly parts: readonly Uint8Array[]
  /** When it should leave, in milliseconds since the start of the run. */
  due: number
  /** How often it was handed over. */
  attempts: number
  decided: boolean
  /** Users who have heard of it. */
  readonly heard: Person[]
}

/** An id as the key of a map: shorter and faster than hexadecimal. */
export const keyOf = (id: Uint8Array): string =>
  Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
