import { type RecordedSpan, recordSpans } from '@mailx/telemetry/record-spans'
import { eventually } from '@mailx/testing/eventually'
import { expect, test } from 'vitest'
import { startRig } from '../testing/gateway-rig.ts'
import { sealedSubmission } from '../testing/sealed-submission.ts'

test('each message of a stream is a trace of its own, or of the one that it names', async () => {
  const spans: RecordedSpan[] = await recordSpans()
  const rig = await startRig()
  try {
    await rig.publishList('bob@a.test', 1, [new Uint8Array(16).fill(1)])
    const call = rig.client.submitStream(rig.signedIn(rig.tokenFor('alice@a.test')).metadata)
    call.on('data', () => {})
    const named = '0af7651916cd43dd8448eb211c80319c'
    const to = ['bob@a.test']
    call.write({
      submissions: [
        sealedSubmission({ to }),
        sealedSubmission({ to }),
        { ...sealedSubmission({ to }), traceparent: `00-${named}-b7ad6b7169203331-01` },
      ],
    })
    call.end()
    const of = (name: string) => spans.filter((span) => span.name === name)
    const rpc = 'mailx.client.v1.ClientService/SubmitStream'
    await eventually(() => of(rpc).length === 1 && of('append submission').length === 3)
    const traces = of('submit').map((span) => span.spanContext().traceId)
    const [stream] = of(rpc).map((span) => span.spanContext().traceId)
    expect(new Set([...traces, stream]).size).toBe(4)
    expect(traces).toContain(named)
    expect(of('append submission').map((span) => span.spanContext().traceId)).toEqual(traces)
  } finally {
    await rig.stop()
  }
})
