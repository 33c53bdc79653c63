import type { Random } from '@mailx/loadtest-tool/random'
import type { Rig, RigPlan } from './rig.ts'

/** What was broken, which says how soon mail has to flow again. */
export type Recovery = 'service' | 'instance' | 'postgres' | 'everything'

/** How soon a message that was handed over afterwards succeeds, in ms. */
export const promised: Readonly<Record<Recovery, number>> = {
  service: 5_000,
  /** The other one is there: it looks every second for what the dead one had to do. */
  instance: 3_000,
  postgres: 10_000,
  everything: 30_000,
}

/** The first success that ends a fault. */
export type Success = MailSuccess | ServiceSuccess

/** Of a message that was handed over after it. */
export type MailSuccess =
  /** A sender at the domain was told that a message is accepted. */
  | { readonly kind: 'accepted'; readonly domain: string }
  /** A recipient at the domain was told of a message of the same domain, or of another one. */
  | { readonly kind: 'notified'; readonly domain: string; readonly from: 'here' | 'elsewhere' }

/** Of what a service does that mail on its way does not need; begun after the fault. */
export type ServiceSuccess = {
  /**
   * registered: somebody new registered at the domain and signed in · looked up: a user of the domain got
   * the keys of somebody at either domain, out of no cache · proved: the keys of somebody who has just
   * registered, with the proof that the key log of the domain holds them.
   */
  readonly kind: 'registered' | 'looked up' | 'proved'
  readonly domain: string
}

/** What an injector did. The rig is whole again when it resolves. */
export type Injected = {
  /** From when on the recovery counts, a `performance.now()`: when it broke, or when it was healed. */
  readonly since: number
  /** How many times something was broken, one after the other; what breaks at once counts once. Default: 1. */
  readonly counts?: number
}

export type Occasion = {
  readonly rig: Rig
  readonly random: Random
  /** Whether there is time: what is stopped stands still for as long as is promised to be survived. */
  readonly long: boolean
  /**
   * Says that it is broken now, a `performance.now()`: what must succeed is tried from then on, whatever
   * the injector still waits for. Left out, that begins when it resolves.
   */
  broken(since: number): void
}

export type Fault = {
  /** Unique; what `--only` goes by. */
  readonly name: string
  /** How often in a full run. Default: 1. */
  readonly rounds?: number
  /** Part of `npm test`. */
  readonly selected?: boolean
  /** Which promise holds for it. Left out: it has to recover within PATIENCE_MS. */
  readonly recovery?: Recovery
  /** A clock that is a day off refuses for good what others take, and that is right. Else nothing may be. */
  readonly mayRefuse?: boolean
  /** What must succeed afterwards. Left out: everything, at both domains. */
  readonly success?: readonly Success[]
  /** Rejects when nothing was broken. */
  inject(occasion: Occasion): Promise<Injected>
}

/** Faults that share a running stack, under one load and with one journal. */
export type Group = {
  readonly name: string
  readonly about: string
  readonly rig: RigPlan
  /** Messages a second: less than what the stack can do, so that it catches up between faults. */
  readonly perSecond: number
  readonly faults: readonly Fault[]
  /** Why it cannot run here; undefined when it can. */
  readonly obstacle?: () => string | undefined
}

/** Whatever was broken, mail flows again after this time, in ms. */
export const PATIENCE_MS = 120_000
