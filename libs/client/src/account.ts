import type { VerifiedKeys } from '@mailx/keys/key-bundle'
import type { DeviceList } from '@mailx/proto/keys/v1/keys'
import type { Keyring } from './keyring.ts'
import type { Transport } from './transport.ts'
import { emptyTrust, type Trust } from './trust.ts'

/**
 * One account at work: its secrets, the way to its server, what it trusts, and an open session. All
 * functions of this library take it as their first argument.
 */
export type Account = {
  readonly keyring: Keyring
  readonly transport: Transport
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
  /** The W3C trace context that calls belong to; empty for none. */
  readonly traceparent: () => string
  /** The current trust; `setTrust` is called with every change so that the caller can store it. */
  trust: Trust
  readonly onTrustChanged: (trust: Trust) => void | Promise<void>
  /** Opened on first use, renewed before it runs out. */
  session: { readonly token: Uint8Array; readonly expiresAt: number } | undefined
  /** Verified keys of this run, by canonical address. */
  readonly keys: Map<string, KnownKeys>
}

/** Verified keys, the device list that they were read from, and when. */
export type KnownKeys = {
  readonly keys: VerifiedKeys
  readonly deviceList: DeviceList
  readonly at: number
}

/** An account that has not talked to its server yet. */
export function createAccount(input: {
  readonly keyring: Keyring
  readonly transport: Transport
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
  readonly traceparent?: () => string
  readonly trust?: Trust
  readonly onTrustChanged?: (trust: Trust) => void | Promise<void>
}): Account {
  return {
    keyring: input.keyring,
    transport: input.transport,
    now: input.now,
    random: input.random,
    traceparent: input.traceparent ?? (() => ''),
    trust: input.trust ?? emptyTrust,
    onTrustChanged: input.onTrustChanged ?? (() => undefined),
    session: undefined,
    keys: new Map(),
  }
}
