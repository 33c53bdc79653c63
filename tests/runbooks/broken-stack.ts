import type { Backend } from '@mailx/backends/backend'
import { startNats } from '@mailx/backends/start-nats'
import { startPostgres } from '@mailx/backends/start-postgres'
import { startRedis } from '@mailx/backends/start-redis'
import type { RunningDeployment } from '@mailx/dev-tool/run-deployment'
import type { Stack } from '@mailx/dev-tool/stack'
import { parsePrometheus, type Sample } from '@mailx/mailxctl-tool/status/parse-prometheus'
import { eventually } from '@mailx/testing/eventually'
import { expect } from 'vitest'
import { deploymentOf } from '../exchange/database.ts'
import { ownBackends, patience, sharedServers, testStack } from '../exchange/people.ts'
import { run } from '../exchange/programs.ts'
import { type Alarms, alarmsOver } from './alarms.ts'
import { firstCommandsOf } from './pages.ts'

/** How many keys a user may look up here in an hour. */
export const LOOK_UPS = 100

/** Two domains; those of a.test have servers of their own, for taking away. */
export type BrokenStack = Pick<Alarms, 'fires' | 'ends'> & {
  readonly stack: Stack
  readonly here: RunningDeployment
  readonly servers: Readonly<Record<'postgres' | 'nats' | 'redis', Backend>>
  /** Samples of a metric in a.test whose labels are these. */
  readonly samples: (name: string, labels?: Readonly<Record<string, string>>) => Promise<Sample[]>
  /** Resolves when some sample of the metric has such a value. */
  readonly moves: (
    name: string,
    labels: Readonly<Record<string, string>>,
    is: (value: number) => boolean,
  ) => Promise<void>
  /** Runs the first commands of a page; resolves with all that they print. */
  readonly firstCommands: (page: string) => Promise<string>
  readonly stop: () => Promise<void>
}

export async function brokenStack(): Promise<BrokenStack> {
  const own = { own: true, say: () => {} }
  const [postgres, nats, redis] = await Promise.all([
    startPostgres(own),
    startNats(own),
    startRedis(own),
  ])
  const ownServers = await ownBackends({ postgres, nats, redis })
  const stack = await testStack(
    'runbooks',
    { a: ['a.test'], b: ['b.test'] },
    {
      backendsOf: async (name) => (name === 'a' ? ownServers : sharedServers()),
      env: { LOOK_UPS_PER_USER: String(LOOK_UPS) },
    },
  )
  const here = deploymentOf(stack, 'a')
  const opsUrl = `http://127.0.0.1:${here.deployment.ports.ops}`
  const alarms = await alarmsOver([new URL(opsUrl).host])
  const samples: BrokenStack['samples'] = async (name, labels = {}) => {
    const text = await (await fetch(`${opsUrl}/metrics`)).text()
    return parsePrometheus(text).filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
  }
  return {
    stack,
    here,
    fires: alarms.fires,
    ends: alarms.ends,
    servers: { postgres, nats, redis },
    samples,
    moves: async (name, labels, is) => {
      await eventually(async () => {
        const found = await samples(name, labels)
        expect(found.map(({ value }) => value)).toSatisfy((values: number[]) => values.some(is))
      }, patience)
    },
    firstCommands: async (page) => {
      const env = { ...here.deployment.envOf('operator'), OPS_URLS: opsUrl }
      const printed: string[] = []
      for (const command of firstCommandsOf(page)) {
        const { exitCode, stderr, stdout } = await run('mailxctl', command.split(' ').slice(1), {
          env,
        })
        // 1: something is wrong, which is why one reads the page.
        if (exitCode !== 0 && exitCode !== 1) throw new Error(`${command}: ${stderr}`)
        printed.push(`$ ${command}\n${stdout}${stderr}`)
      }
      return printed.join('\n')
    },
    stop: async () => {
      await alarms.stop()
      await stack.stop()
      await Promise.all([postgres.stop(), nats.stop(), redis.stop()])
    },
  }
}
