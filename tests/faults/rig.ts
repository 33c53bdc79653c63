import { chmod, cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backend } from '@mailx/backends/backend'
import { createDatabase } from '@mailx/backends/create-database'
import { type NatsBackend, startNats } from '@mailx/backends/start-nats'
import { startPostgres } from '@mailx/backends/start-postgres'
import { startRedis } from '@mailx/backends/start-redis'
import type { HomeOptions } from '@mailx/client/find-home'
import type { Backends } from '@mailx/dev-tool/own-access'
import type { RunningDeployment } from '@mailx/dev-tool/run-deployment'
import type { ServiceProcess } from '@mailx/dev-tool/service-process'
import { type Stack, startStack } from '@mailx/dev-tool/stack'
import { dnsResolver } from '@mailx/federation/dns-resolver'
import { roomyLimits } from '@mailx/loadtest-tool/own-stack'
import { roomyDir } from '@mailx/testing/roomy-dir'
import { type TcpProxy, tcpProxy } from '@mailx/testing/tcp-proxy'
import { clockEnv, setClock, sweepClocks } from './clocks.ts'
import { type Disk, makeDisk } from './disks.ts'
import { type Doors, openDoors } from './doors.ts'
import { type CommitCutter, commitCutter } from './postgres-proxy.ts'

export const domains = ['a.test', 'b.test'] as const
export type Domain = (typeof domains)[number]

export const otherThan = (domain: Domain): Domain => domains[domain === domains[0] ? 1 : 0]

/** What kind of stack a group of faults needs. */
export type RigPlan = {
  readonly instances: 1 | 2
  /** Seven processes per domain, or all of them in one. */
  readonly separate: boolean
  /** Servers' data on small disks of their own, which can be filled and photographed. */
  readonly disks: boolean
  /** Services' clocks are libfaketime's, and can be moved. */
  readonly clocks: boolean
}

/** A running stack, and everything by which it can be broken. */
export type Rig = {
  readonly plan: RigPlan
  readonly folder: string
  readonly stack: Stack
  readonly home: HomeOptions
  readonly servers: {
    readonly postgres: Backend
    readonly nats: NatsBackend
    readonly redis: Backend
  }
  /** What the services really connect to. */
  readonly backends: ReadonlyMap<Domain, Backends>
  readonly postgresProxy: TcpProxy
  readonly commits: CommitCutter
  readonly redisProxy: TcpProxy
  readonly doors: ReadonlyMap<Domain, Doors>
  readonly disks: Disks | undefined
  /** The files that the clocks of each domain's services follow, where they can be moved. */
  readonly clocks: ReadonlyMap<Domain, string>
  deployment(domain: Domain): RunningDeployment
  /** The tree whose services run. */
  readonly tree: string | undefined
  stop(): Promise<void>
}

/** Two small disks, whose images lie on a file system that clones. */
export type Disks = {
  readonly outer: Disk
  /** Postgres'. */
  readonly data: Disk
  /** JetStream's. */
  readonly nats: Disk
}

const GiB = 1024 ** 3

/** How long it takes proves nothing. */
const START_WITHIN_MS = 180_000

// What waits for people or for the far end of the internet would only make a test long.
const impatient = {
  RETRY_FIRST_MS: '200',
  RETRY_LONGEST_MS: '2000',
  PEER_TIMEOUT_MS: '5000',
  PEER_DIAL_TIMEOUT_MS: '3000',
  DELAY_NOTICE_MS: '4000',
  // Else who writes to nobody elsewhere would not hear of it.
  UNKNOWN_RECIPIENT: 'tell',
  LOG_LEVEL: 'info',
  LOG_PARTITIONS: '2',
  ...roomyLimits,
}

/** Brings up two domains with servers of their own, all doors between. What it started it stops on failure. */
export async function startRig(
  plan: RigPlan,
  { tree, say = () => {} }: { readonly tree?: string | undefined; readonly say?: Say } = {},
): Promise<Rig> {
  const stops: (() => Promise<unknown>)[] = []
  const stop = async () => {
    const errors: unknown[] = []
    for (const stopPart of stops.splice(0).toReversed()) {
      await stopPart().catch((error: unknown) => errors.push(error))
    }
    if (errors.length > 0) throw new AggregateError(errors, 'not all of a stack could be stopped')
  }
  try {
    const folder = await mkdtemp(join(roomyDir(), 'mailx-faults-'))
    // Postgres, which is not root, has to get to its disk.
    await chmod(folder, 0o711)
    stops.push(() => rm(folder, { recursive: true, force: true }))
    const stackFolder = join(folder, 'stack')
    const disks = plan.disks ? await makeDisks(folder, stops) : undefined
    const servers = await startServers(folder, disks, say)
    stops.push(() => Promise.all(Object.values(servers).map((server) => server.stop())))
    const commits = commitCutter()
    const postgresProxy = await tcpProxy({ target: servers.postgres.url, tap: commits.tap })
    const redisProxy = await tcpProxy({ target: servers.redis.url })
    stops.push(() => Promise.all([postgresProxy.stop(), redisProxy.stop()]))
    const doors = new Map<Domain, Doors>()
    stops.push(() => Promise.all([...doors.values()].map((one) => one.stop())))
    const backends = new Map<Domain, Backends>()
    for (const [index, domain] of domains.entries()) {
      const database = await createDatabase(servers.postgres.url, `mailx_${domain[0]}`)
      backends.set(domain, {
        databaseUrl: postgresProxy.through(database),
        natsUrl: servers.nats.urlOf(domain),
        natsSeedOf: (principal) => servers.nats.seedOf(domain, principal),
        redisUrl: redisProxy.through(`${servers.redis.url.replace(/\/\d*$/, '')}/${index}`),
      })
    }
    const clocks = new Map(domains.map((domain) => [domain, join(folder, `clock-${domain}`)]))
    if (plan.clocks) {
      for (const file of clocks.values()) await setClock(file, 0)
      stops.push(sweepClocks)
    }
    const stack = await startStack({
      separate: plan.separate,
      say,
      tracing: false,
      deployments: Object.fromEntries(domains.map((domain) => [domain, [domain]])),
      folder: stackFolder,
      env: impatient,
      ...(plan.clocks && { envOf: (name: string) => clockEnv(clocks.get(name as Domain) ?? '') }),
      instances: plan.instances,
      readyWithinMs: START_WITHIN_MS,
      between: async (deployment) => {
        doors.set(deployment.name as Domain, await openDoors(deployment, plan.separate))
      },
      backendsOf: async (name) => backends.get(name as Domain) as Backends,
      ...(tree !== undefined && { tree }),
    }).catch(async (error: unknown) => {
      await keepLogs(stackFolder)
      throw error
    })
    stops.push(() => stack.stop())
    const [, port = ''] = stack.dns.address.split(':')
    const resolver = dnsResolver([{ host: '127.0.0.1', port: Number(port), trusted: false }])
    return {
      plan,
      folder,
      stack,
      home: { resolver, allowPrivate: true },
      servers,
      backends,
      postgresProxy,
      commits,
      redisProxy,
      doors,
      disks,
      clocks,
      tree,
      deployment: (domain) =>
        stack.deployments.find(({ deployment }) => deployment.name === domain) as RunningDeployment,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

type Say = (line: string) => void

/** Of services that did not get ready: what they said last. */
async function keepLogs(stackFolder: string): Promise<void> {
  const kept = join(process.cwd(), '.cache', 'faults', 'not-started')
  await rm(kept, { recursive: true, force: true })
  await cp(join(stackFolder, 'logs'), kept, { recursive: true }).catch(() => {})
}

async function makeDisks(folder: string, stops: (() => Promise<unknown>)[]): Promise<Disks> {
  const add = async (name: string, dir: string, bytes: number, kind?: 'xfs') => {
    const disk = await makeDisk(join(dir, `${name}.img`), join(folder, name), {
      bytes,
      ...(kind && { kind }),
    })
    stops.push(() => disk.unmount())
    return disk
  }
  const outer = await add('outer', folder, 8 * GiB, 'xfs')
  const data = await add('data', outer.path, 2 * GiB)
  const nats = await add('nats', outer.path, GiB / 2)
  return { outer, data, nats }
}

async function startServers(folder: string, disks: Disks | undefined, say: Say) {
  const own = { own: true, say, tempDir: folder }
  const dirs = disks && { postgres: join(disks.data.path, 'pg'), nats: join(disks.nats.path, 'js') }
  if (dirs !== undefined) await mkdir(dirs.nats)
  const [postgres, nats, redis] = await Promise.all([
    startPostgres({ ...own, ...(dirs && { dataDir: dirs.postgres }) }),
    startNats({ ...own, accounts: domains, ...(dirs && { dataDir: dirs.nats }) }),
    startRedis(own),
  ])
  return { postgres, nats, redis }
}

/** The process that is this service, or has it in it. */
export function processOf(
  rig: Rig,
  domain: Domain,
  name: ServiceProcess['name'],
  instance = 0,
): ServiceProcess {
  const wanted = rig.plan.separate ? name : 'all-in-one'
  const found = rig
    .deployment(domain)
    .processes.find((one) => one.name === wanted && one.instance === instance)
  if (found === undefined) throw new Error(`${domain} runs no ${name} ${instance}`)
  return found
}

export function doorsOf(rig: Rig, domain: Domain): Doors {
  const doors = rig.doors.get(domain)
  if (doors === undefined) throw new Error(`${domain} has no doors`)
  return doors
}
