import {
  DeliveryBounced,
  DeliveryDeferred,
  DeliveryDelayed,
  DeliverySucceeded,
} from '@mailx/proto/delivery/v1/events'
import type { EventOf } from './event.ts'

/** The context `delivery`, in the order events were added. Never remove a line. */
export const deliveryEvents = {
  DeliverySucceeded,
  DeliveryDeferred,
  DeliveryDelayed,
  DeliveryBounced,
}

export type DeliveryEvent = EventOf<typeof deliveryEvents>
