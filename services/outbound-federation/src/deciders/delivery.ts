import type { Decider } from '@mailx/events/decider'
import type { DeliveryEvent } from '@mailx/events/delivery'

/** One envelope on its way to one peer. */
export type DeliveryFacts = {
  readonly messageId: Uint8Array
  readonly sender: string
  readonly recipient: string
  readonly peer: string
}

export type Delivery =
  | {
      readonly status: 'due'
      /** The codes of the failures that the sender knows of. */
      readonly told: readonly string[]
      /** The notice after the first hour went out. */
      readonly delayed: boolean
    }
  | { readonly status: 'delivered' }
  | { readonly status: 'bounced' }

/** Why something did not work: a code for programs, a sentence for people. */
export type Fault = { readonly code: string; readonly reason: string }

export type DeliveryCommand =
  | {
      /** The peer signed for it. */
      readonly type: 'RecordReceipt'
      readonly facts: DeliveryFacts
      readonly acceptedId: Uint8Array
      readonly acceptedAt: number
      readonly receipt: Uint8Array
    }
  /** It did not work, and trying again cannot help. */
  | { readonly type: 'RecordRefusal'; readonly facts: DeliveryFacts; readonly fault: Fault }
  | {
      /** It did not work this time. */
      readonly type: 'RecordFailure'
      readonly facts: DeliveryFacts
      readonly fault: Fault
      readonly attempts: number
    }
  | {
      /** Time went by: the sender is told after `delayNoticeMs`, and at the end of its life. */
      readonly type: 'CheckTime'
      readonly facts: DeliveryFacts
      readonly fault: Fault | undefined
      readonly since: number
      readonly delayNoticeMs: number
      readonly expiresAt: number
      readonly at: number
    }

function decide(command: DeliveryCommand, delivery: Delivery): DeliveryEvent[] {
  // The first final outcome stands: a receipt that comes after the bounce undoes nothing.
  if (delivery.status !== 'due') return []
  const { facts } = command
  switch (command.type) {
    case 'RecordReceipt': {
      const { acceptedAt, acceptedId, receipt } = command
      const data = { ...facts, acceptedId, acceptedAtUnixMs: BigInt(acceptedAt), receipt }
      return [{ type: 'DeliverySucceeded', data }]
    }

    case 'RecordRefusal':
      return [{ type: 'DeliveryBounced', data: { ...facts, ...command.fault } }]

    case 'RecordFailure': {
      const { attempts, fault } = command
      if (delivery.told.includes(fault.code)) return []
      return [{ type: 'DeliveryDeferred', data: { ...facts, ...fault, attempts } }]
    }

    case 'CheckTime': {
      const { at, delayNoticeMs, expiresAt, since } = command
      const last = command.fault?.reason ?? 'it could not be tried in time'
      if (at >= expiresAt) {
        const reason = `given up after ${duration(expiresAt - since)}; last: ${last}`
        return [{ type: 'DeliveryBounced', data: { ...facts, code: 'EXPIRED', reason } }]
      }
      if (delivery.delayed || at < since + delayNoticeMs) return []
      return [{ type: 'DeliveryDelayed', data: { ...facts, reason: last } }]
    }
  }
}

function evolve(delivery: Delivery, event: DeliveryEvent): Delivery {
  switch (event.type) {
    case 'DeliverySucceeded':
      return delivery.status === 'due' ? { status: 'delivered' } : delivery
    case 'DeliveryBounced':
      return delivery.status === 'due' ? { status: 'bounced' } : delivery
    case 'DeliveryDeferred':
      if (delivery.status !== 'due') return delivery
      return { ...delivery, told: [...delivery.told, event.data.code] }
    case 'DeliveryDelayed':
      return delivery.status === 'due' ? { ...delivery, delayed: true } : delivery
  }
  return delivery
}

function duration(ms: number): string {
  const hours = Math.round(ms / 3_600_000)
  if (hours >= 48) return `${Math.round(hours / 24)} days`
  return hours >= 2 ? `${hours} hours` : `${Math.max(1, Math.round(ms / 60_000))} minutes`
}

export const delivery: Decider<Delivery, DeliveryCommand, DeliveryEvent> = {
  initialState: { status: 'due', told: [], delayed: false },
  decide,
  evolve,
}
