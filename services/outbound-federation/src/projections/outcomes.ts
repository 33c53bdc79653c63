import { toHex } from '@mailx/crypto/encoding'
import { byteaArray, int4Array, textArray } from '@mailx/event-log/binary-array'
import { type DeliveryEvent, deliveryEvents } from '@mailx/events/delivery'
import type { Recorded } from '@mailx/events/event'
import { type Projection, writeOnlyProjection } from '@mailx/processors/projection'

type Change = {
  readonly messageId: Uint8Array
  readonly sender: string
  readonly recipient: string
  final: string | null
  told: string
  delayed: boolean
  version: number
}

const set = `insert into outbound.outcomes as o
    (message_id, sender, recipient, final, told, delayed, version)
  select message_id, sender, recipient, nullif(final, ''), told, delayed, version
    from unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[],
      $6::text[]::boolean[], $7::int[])
      as n(message_id, sender, recipient, final, told, delayed, version)
  on conflict (message_id, sender, recipient) do update
    set final = coalesce(o.final, excluded.final), told = o.told || excluded.told,
      delayed = o.delayed or excluded.delayed, version = excluded.version
    where o.version < excluded.version`

/** Table outbound.outcomes: what is recorded of each delivery, for lanes that start anew. */
export const outcomes: Projection<typeof deliveryEvents> = writeOnlyProjection({
  name: 'outbound.outcomes',
  contexts: ['delivery'],
  events: deliveryEvents,
  handles: ['DeliverySucceeded', 'DeliveryDeferred', 'DeliveryDelayed', 'DeliveryBounced'],
  tables: ['outbound.outcomes'],
  statements(events) {
    const changes = new Map<string, Change>()
    for (const event of events) note(changes, event)
    const rows = [...changes.values()]
    return [
      {
        name: 'outbound.set-outcomes',
        text: set,
        values: [
          byteaArray(rows.map(({ messageId }) => messageId)),
          textArray(rows.map(({ sender }) => sender)),
          textArray(rows.map(({ recipient }) => recipient)),
          textArray(rows.map(({ final }) => final ?? '')),
          textArray(rows.map(({ told }) => told)),
          textArray(rows.map(({ delayed }) => String(delayed))),
          int4Array(rows.map(({ version }) => version)),
        ],
      },
    ]
  },
})

function note(changes: Map<string, Change>, event: Recorded<DeliveryEvent>): void {
  const { messageId, recipient, sender } = event.data
  const key = `${toHex(messageId)} ${sender} ${recipient}`
  const change: Change = changes.get(key) ?? {
    messageId,
    sender,
    recipient,
    final: null,
    told: '',
    delayed: false,
    version: 0,
  }
  changes.set(key, change)
  change.version = event.version
  switch (event.type) {
    case 'DeliverySucceeded':
      change.final ??= 'delivered'
      break
    case 'DeliveryBounced':
      change.final ??= 'bounced'
      break
    case 'DeliveryDeferred':
      // Codes are capitals and underscores: a space tells them apart.
      change.told += ` ${event.data.code}`
      break
    case 'DeliveryDelayed':
      change.delayed = true
  }
}
