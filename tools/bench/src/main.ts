import { parseArgs } from 'node:util'
import { startStack } from '@mailx/dev-tool/stack'
import { dnsResolver } from '@mailx/federation/dns-resolver'
import { measureCrypto } from './crypto.ts'
import { exchange } from './exchange.ts'
import { type LoadResult, type Pace, runLoad } from './load.ts'
import { cpuOf, describeMachine } from './machine.ts'
import { registerPeople } from './people.ts'
import { prepareMessages } from './prepare.ts'

const usage = `Measures a stack of its own on this machine and prints JSON: client, services, Postgres (fsync on), NATS and Redis together.

  npm run bench                       the standard set
  npm run bench -- --messages 5000    how many messages the runs at full speed send
`

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '15000' },
    users: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}

const say = (line: string) => process.stderr.write(`${line}\n`)
const messages = wholeNumber('messages', values.messages)
const users = wholeNumber('users', values.users)
const SIZE = 2048
const full: Pace = { kind: 'window', inFlight: 512, frame: 16 }
const rate = (perSecond: number): Pace => ({ kind: 'rate', perSecond })

const crypto = measureCrypto(10 * 1024)
const stack = await startStack({ separate: false, say, tracing: false, folder: '.cache/bench' })
process.once('SIGINT', () => void stack.stop().then(() => process.exit(130)))
try {
  const [, port = ''] = stack.dns.address.split(':')
  const resolver = dnsResolver([{ host: '127.0.0.1', port: Number(port), trusted: false }])
  const home = { resolver, allowPrivate: true }
  say(`registering ${2 * users} users`)
  const here = await registerPeople('a.test', users, home)
  const there = await registerPeople('b.test', users, home)

  const local = exchange(here, here)
  const federated = exchange(here, there)
  const measure = async (
    name: string,
    pairs: typeof local,
    pace: Pace,
    count: number,
  ): Promise<LoadResult & { readonly cpuMicrosPerMessage: Readonly<Record<string, number>> }> => {
    const prepared = await prepareMessages(pairs, count, SIZE)
    const before = cpuOf(stack.deployments)
    say(`${name}: ${count} messages`)
    const result = await runLoad({
      messages: prepared,
      recipients: [...new Set(pairs.map(({ recipient }) => recipient))],
      pace,
      timeoutMs: 120_000,
    })
    return { ...result, cpuMicrosPerMessage: cpuOf(stack.deployments, before, count) }
  }

  await measure('warm-up', local, full, 2000)
  await measure('warm-up', federated, full, 1000)
  const results = {
    localMax: await measure('local, as fast as it goes', local, full, messages),
    localAt1000: await measure('local at 1,000/s', local, rate(1000), 10_000),
    federatedMax: await measure('federated, as fast as it goes', federated, full, messages / 2),
    federatedAt500: await measure('federated at 500/s', federated, rate(500), 5000),
  }
  const settings = { messageBytes: SIZE, users, preSealed: true, streams: users }
  const report = { ...describeMachine(), settings, crypto, ...results }
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
} finally {
  await stack.stop()
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 1 && value <= 1_000_000) return value
  process.stderr.write(`--${name} is ${text}: write a whole number from 2 to 1000000\n`)
  return process.exit(2)
}
