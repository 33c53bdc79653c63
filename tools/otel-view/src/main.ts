import { appendFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import pc from 'picocolors'
import { renderTrace } from './render-trace.ts'
import { startReceiver } from './start-receiver.ts'

const usage = `Receives OTLP/HTTP traces and prints each one as a tree once it is quiet.

  node tools/otel-view/src/main.ts [--port 4318] [--quiet-ms 1000] [--save spans.ndjson]

Point any program at it:
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_EXPORTER_OTLP_PROTOCOL=http/json

  --port       where to listen on the loopback address (default 4318)
  --quiet-ms   how long after its last span a trace is printed (default 1000)
  --save       also append each span to this file, one JSON object a line
  --help       this text
`

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4318' },
    'quiet-ms': { type: 'string', default: '1000' },
    save: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  process.stdout.write(usage)
} else {
  const { save } = values
  const quietMs = Number(values['quiet-ms'])
  const receiver = await startReceiver({ port: Number(values.port) })
  const timers = new Map<string, NodeJS.Timeout>()

  const print = (traceId: string) => {
    timers.delete(traceId)
    const options = { colour: pc.isColorSupported, width: process.stdout.columns ?? 120 }
    process.stdout.write(`${renderTrace(receiver.spansOfTrace(traceId), options)}\n\n`)
  }
  receiver.onSpans((spans) => {
    for (const traceId of new Set(spans.map((span) => span.traceId))) {
      clearTimeout(timers.get(traceId))
      timers.set(
        traceId,
        setTimeout(() => print(traceId), quietMs),
      )
    }
    if (save !== undefined) {
      appendFileSync(save, spans.map((span) => `${JSON.stringify(span)}\n`).join(''))
    }
  })
  process.stdout.write(`waiting for traces on ${receiver.endpoint} (Ctrl-C ends)\n`)
  process.once('SIGINT', () => {
    void receiver.stop().then(() => process.exit(0))
  })
}
