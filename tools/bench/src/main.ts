import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Account } from '@mailx/client/account'
import { startStack } from '@mailx/dev-tool/stack'
import { dnsResolver } from '@mailx/federation/dns-resolver'
import { measureCrypto } from './crypto.ts'
import { exchange } from './exchange.ts'
import { type Pace, runLoad } from './load.ts'
import { cpuOf, describeMachine } from './machine.ts'
import { registerPeople } from './people.ts'
import { prepareMessages } from './prepare.ts'

const usage = `Measures a stack of its own on this machine and prints JSON: client, services, Postgres (fsync on), NATS and Redis together.

  npm run bench                       the standard set
  npm run bench -- --messages 5000    how many messages the runs at full speed send
  npm run bench -- --only localMax    one of localMax, localAt1000, federatedMax, federatedAt500
  npm run bench -- --profile DIR      CPU profiles of all processes, for Chromium's developer tools
`

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '15000' },
    users: { type: 'string', default: '100' },
    only: { type: 'string' },
    profile: { type: 'string' },
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

type Run = {
  readonly title: string
  readonly pairs: 'local' | 'federated'
  readonly pace: Pace
  readonly count: number
}

const runs: Readonly<Record<string, Run>> = {
  localMax: { title: 'local, as fast as it goes', pairs: 'local', pace: full, count: messages },
  localAt1000: { title: 'local at 1,000/s', pairs: 'local', pace: rate(1000), count: 10_000 },
  federatedMax: {
    title: 'federated, as fast as it goes',
    pairs: 'federated',
    pace: full,
    count: Math.ceil(messages / 2),
  },
  federatedAt500: { title: 'federated at 500/s', pairs: 'federated', pace: rate(500), count: 5000 },
}

const crypto = measureCrypto(10 * 1024)
const stack = await startStack({
  separate: false,
  say,
  tracing: false,
  folder: '.cache/bench',
  env: {
    LOG_LEVEL: 'warn',
    ...(values.profile && { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(values.profile)}` }),
  },
})
process.once('SIGINT', () => void stack.stop().then(() => process.exit(130)))
const people: Account[] = []
try {
  const [, port = ''] = stack.dns.address.split(':')
  const resolver = dnsResolver([{ host: '127.0.0.1', port: Number(port), trusted: false }])
  const home = { resolver, allowPrivate: true }
  say(`registering ${2 * users} users`)
  const here = await registerPeople('a.test', users, home)
  const there = await registerPeople('b.test', users, home)
  people.push(...here, ...there)
  const pairsOf = { local: exchange(here, here), federated: exchange(here, there) }

  const measure = async ({ title, pairs, pace, count }: Run) => {
    const prepared = await prepareMessages(pairsOf[pairs], count, SIZE)
    const before = cpuOf(stack.deployments)
    say(`${title}: ${count} messages`)
    const result = await runLoad({
      messages: prepared,
      recipients: [...new Set(pairsOf[pairs].map(({ recipient }) => recipient))],
      pace,
      timeoutMs: 180_000,
    })
    return { ...result, cpuMicrosPerMessage: cpuOf(stack.deployments, before, count) }
  }
  await measure({ title: 'warm-up', pairs: 'local', pace: full, count: 2000 })
  await measure({ title: 'warm-up', pairs: 'federated', pace: full, count: 1000 })
  const results: Record<string, Awaited<ReturnType<typeof measure>>> = {}
  for (const [name, run] of Object.entries(runs)) {
    if (values.only === undefined || values.only === name) results[name] = await measure(run)
  }
  const settings = { messageBytes: SIZE, users, preSealed: true, streams: users }
  const report = { ...describeMachine(), settings, crypto, ...results }
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
} finally {
  for (const { transport } of people) transport.close()
  await stack.stop()
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 1 && value <= 1_000_000) return value
  process.stderr.write(`--${name} is ${text}: write a whole number from 2 to 1000000\n`)
  return process.exit(2)
}
