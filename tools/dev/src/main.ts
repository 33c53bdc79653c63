import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { renderTrace } from '@mailx/otel-view-tool/render-trace'
import pc from 'picocolors'
import { exchangeMessage } from './exchange.ts'
import { startStack } from './stack.ts'

const usage = `Brings up two federated domains, a.test and b.test, and sends a message from one to the other.

  npm start                   stays up until Ctrl-C
  npm start -- --once         shows the exchange and ends
  npm start -- --processes    seven services as processes of their own per domain (default: one process)
`

const howToUse = (messageId: string) => `
Everything stays up until Ctrl-C. In a second terminal, in this folder:

  source .cache/dev/env
  npx mailx register carol@b.test --unprotected
  npx mailx --account alice@a.test send --to carol@b.test --subject Hello --body 'Hello, Carol.'
  npx mailx --account carol@b.test inbox --wait 10
  npx mailxctl status
  npx mailxctl trace ${messageId}
  npx mailx --help
`

const { values } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    processes: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}

const started = Date.now()
const say = (text: string) => {
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(5)
  process.stdout.write(`${pc.dim(`${seconds} s`)}  ${text}\n`)
}

// As howToUse names it; `npm start` always runs in the root of the project.
const folder = resolve('.cache/dev')
const stack = await startStack({ separate: values.processes, say, folder }).catch(
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
let stopping = false
const stop = async (exitCode: number) => {
  if (stopping) return
  stopping = true
  say('stopping')
  await stack.stop()
  process.exit(exitCode)
}
process.once('SIGINT', () => void stop(0))
process.once('SIGTERM', () => void stop(0))

let shown = ''
try {
  const people = { from: 'alice@a.test', to: 'bob@b.test' }
  const { messageId, traceId } = await exchangeMessage(
    stack.client,
    people,
    ({ command, output }) => {
      process.stdout.write(`\n${pc.bold(pc.green('$'))} ${pc.bold(command)}\n${output}`)
    },
  )
  shown = messageId
  const { traces } = stack
  if (traces === undefined) throw new Error('the stack runs without its trace receiver')
  const spans = await traces.waitForTrace(
    traceId,
    (all) => all.some(({ name }) => name.startsWith('push')) && all.length > 10,
    10_000,
  )
  process.stdout.write(`\nThe way of message ${messageId}, trace ${traceId}:\n\n`)
  process.stdout.write(`${renderTrace(spans, { colour: pc.isColorSupported, width: 120 })}\n`)
  say(`the exchange took ${((Date.now() - started) / 1000).toFixed(1)} s from the start`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.stderr.write(`The logs of the services are in ${stack.logDir}\n`)
  await stop(1)
}

if (values.once) await stop(0)
else process.stdout.write(howToUse(shown))
