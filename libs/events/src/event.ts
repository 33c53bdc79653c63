import type { Encodable } from './encode.ts'

/** Turns one protobuf message type into bytes and back; every generated message is one. */
export type Codec<T> = Encodable<T> & {
  decode(input: Uint8Array): T
}

/** The event table of a context: event type → codec. */
export type Codecs = { readonly [type: string]: Codec<any> }

/** The union of all events in a table: `{ type: 'UserRegistered', data: … } | …`. */
export type EventOf<C extends Codecs> = {
  [T in keyof C & string]: {
    readonly type: T
    readonly data: C[T] extends Codec<infer Data> ? Data : never
  }
}[keyof C & string]

export type AnyEvent = { readonly type: string; readonly data: unknown }

/** Where an event came from; never part of a decision. Fields are empty when unknown. */
export type Metadata = {
  readonly traceparent: string
  readonly actor: string
  readonly causation: string
}

/** An event with its place in the log. (partition, position) names it for ever. */
export type Recorded<E = AnyEvent> = E & {
  readonly partition: string
  readonly position: bigint
  readonly stream: string
  readonly version: number
  readonly recordedAt: number
  readonly metadata: Metadata
}
