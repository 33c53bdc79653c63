import { blake2b256 } from '@mailx/crypto/hash'
import { randomBytes } from '@mailx/crypto/random'
import { memoryEventLog } from '@mailx/event-log/memory-event-log'
import { DeliveryProof } from '@mailx/proto/reception/v1/events'
import { createLogger } from '@mailx/telemetry/logger'
import { isRecording } from '@mailx/telemetry/propagation'
import { type RecordedSpan, recordSpans } from '@mailx/telemetry/record-spans'
import { withSpan } from '@mailx/telemetry/tracer'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { makeDelivery } from '../testing/made-delivery.ts'
import { receiveDelivery } from './receive-delivery.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const KEPT = `00-${TRACE_ID}-b7ad6b7169203331-01`

let spans: RecordedSpan[]
beforeAll(async () => {
  spans = await recordSpans()
})
beforeEach(() => {
  spans.length = 0
})

/** Receives one in the span of a peer's stream; the spans that it left, and whether it ran in one that is kept. */
async function received(traceparent: string, isTraced: boolean) {
  const now = Date.UTC(2026, 10, 29)
  const made = makeDelivery('alice@a.test', 'bob@b.test', { now, delivery: { traceparent } })
  const log = memoryEventLog({ reception: 1 }, () => now)
  let ranInSpan = false
  const append: typeof log.append = (request) => {
    ranInSpan = isRecording()
    return log.append(request)
  }
  const reception = {
    origin: 'a.test',
    checked: {
      delivery: made.delivery,
      content: { size: made.content.length, hash: blake2b256(made.content) },
      envelopeHash: blake2b256(made.delivery.envelope),
      attachments: [],
    },
    content: made.content,
    proof: DeliveryProof.create(),
    exists: true,
  }
  const deps = {
    log: { ...log, append },
    now: () => now,
    random: randomBytes,
    logger: createLogger({ service: 'inbound-federation', level: 'silent' }),
    isTraced: () => isTraced,
  }
  const answer = await withSpan('stream', {}, () => receiveDelivery(reception, deps))
  expect(answer.status).toBe('ACCEPTED')
  return { ranInSpan, left: spans.filter(({ name }) => name === 'receive delivery') }
}

test('the trace of a peer that is listed goes on here', async () => {
  const { left, ranInSpan } = await received(KEPT, true)
  expect(left.map((span) => span.spanContext().traceId)).toEqual([TRACE_ID])
  expect(ranInSpan).toBe(true)
})

test.each([
  ['nothing', ''],
  ['an unsampled trace', KEPT.replace(/01$/, '00')],
])('what such a peer does not keep (%s) is not kept here', async (_, traceparent) => {
  expect(await received(traceparent, true)).toEqual({ ranInSpan: false, left: [] })
})

test.each([
  ['links to that of the peer', KEPT, [TRACE_ID]],
  ['is alone where the peer keeps none', '', []],
])('for any other peer a trace of our own %s', async (_, traceparent, linked) => {
  const { left, ranInSpan } = await received(traceparent, false)
  expect(left).toHaveLength(1)
  expect(left[0]?.parentSpanContext).toBeUndefined()
  expect(left[0]?.spanContext().traceId).not.toBe(TRACE_ID)
  expect(left[0]?.links.map((link) => link.context.traceId)).toEqual(linked)
  expect(ranInSpan).toBe(true)
})
