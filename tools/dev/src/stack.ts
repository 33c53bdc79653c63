import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backend } from '@mailx/backends/backend'
import { createDatabase } from '@mailx/backends/create-database'
import { startNats } from '@mailx/backends/start-nats'
import { startPostgres } from '@mailx/backends/start-postgres'
import { startRedis } from '@mailx/backends/start-redis'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { type Receiver, startReceiver } from '@mailx/otel-view-tool/start-receiver'
import { type TestDns, testDns } from '@mailx/testing/test-dns'
import { type Deployment, planDeployment } from './deployment.ts'
import { type Client, clientWith } from './exchange.ts'
import { asOperator } from './internal-certificates.ts'
import type { Backends } from './own-access.ts'
import type { ProgramOf } from './program-of.ts'
import { publishRecords } from './publish-records.ts'
import { type RunningDeployment, runDeployment } from './run-deployment.ts'
import { type ServerCertificates, serverCertificates } from './server-certificates.ts'

const root = new URL('../../..', import.meta.url).pathname

export type StackOptions = {
  /** Seven processes per deployment instead of one; or of which deployments. */
  readonly separate: boolean | ((deployment: string) => boolean)
  readonly say: (line: string) => void
  /** One deployment per entry, each with its domains. */
  readonly deployments?: Readonly<Record<string, readonly string[]>>
  /** Receive and keep the services' traces. */
  readonly tracing?: boolean
  /** Variables of all services. */
  readonly env?: Readonly<Record<string, string>>
  /** Further variables of the services of one deployment. */
  readonly envOf?: (deployment: string) => Readonly<Record<string, string>>
  /** Where logs and keyrings go; emptied at the start. */
  readonly folder?: string
  /** Servers that run already, for each deployment. Left out: the stack starts its own. */
  readonly backendsOf?: (deployment: string) => Promise<Backends>
  /** The stack's own servers are reached by TLS. */
  readonly tls?: boolean
  /** Processes of each service. More than one needs `between`. Default: 1. */
  readonly instances?: number
  /**
   * Called before the processes of a deployment start, which then listen on its `listens`: who calls
   * `ports` gets through to them by what is put between here.
   */
  readonly between?: (deployment: Deployment) => Promise<unknown>
  /** The checkout whose services run. Left out: this one. */
  readonly tree?: string
  /** What `npm run build` made of the code, instead of the code. */
  readonly bundled?: boolean
  /** How the services and the client are run. Left out: from the sources. */
  readonly programOf?: ProgramOf
  /** How long the processes may take until they are ready. Default: a minute. */
  readonly readyWithinMs?: number
}

/** Everything that runs: servers, DNS, deployments, and a client that finds them. */
export type Stack = {
  readonly deployments: readonly RunningDeployment[]
  readonly dns: TestDns
  readonly traces: Receiver | undefined
  readonly client: Client
  /** What a client program needs in its environment to find the domains. */
  readonly clientEnv: Readonly<Record<string, string>>
  readonly logDir: string
  /** The servers that it started itself, by name. */
  readonly servers: Readonly<Record<string, Backend>>
  stop(): Promise<void>
}

const READY_WITHIN_MS = 60_000
const alone = { internal: plainGrpc, stop: () => {} }

/** Brings everything up and resolves when it is ready to be used. What it started, it stops on failure. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { say, tracing = true, programOf } = options
  const separate =
    typeof options.separate === 'function' ? options.separate : () => options.separate === true
  const plan = options.deployments ?? { a: ['a.test'], b: ['b.test'] }
  const folder = options.folder ?? join(root, '.cache', 'dev')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const stops: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const stopPart of stops.splice(0).toReversed()) await stopPart()
  }
  try {
    const dns = await testDns()
    stops.push(() => dns.stop())
    const traces = tracing ? await startReceiver({ port: 0 }) : undefined
    if (traces) stops.push(() => traces.stop())
    const certificates = options.tls ? await serverCertificates(folder) : undefined
    const { backendsOf, servers } = options.backendsOf
      ? { backendsOf: options.backendsOf, servers: {} }
      : await startBackends(Object.keys(plan), options, certificates, stops)

    for (const name of Object.keys(plan)) {
      say(`starting deployment ${name} in ${separate(name) ? 'seven processes' : 'one process'}`)
    }
    const everyDomain = Object.values(plan).flat()
    const otel = traces ? otelEnv(traces) : {}
    const logDir = join(folder, 'logs')
    const deployments = await Promise.all(
      Object.entries(plan).map(async ([name, domains]) => {
        const deployment = await planDeployment({
          name,
          domains,
          backends: await backendsOf(name),
          folder: join(folder, 'secrets', name),
          dnsResolver: dns.address,
          tracePeers: everyDomain,
          env: { ...otel, ...certificates?.env, ...options.env, ...options.envOf?.(name) },
          instances: options.instances ?? 1,
          between: options.between !== undefined,
        })
        await options.between?.(deployment)
        const { tree, bundled = false } = options
        const running = await runDeployment(deployment, {
          separate: separate(name),
          bundled,
          logDir,
          certificateDir: join(folder, 'certificates', name),
          ...(tree && { tree }),
          ...(programOf && { programOf }),
        })
        stops.push(() => running.stop())
        return running
      }),
    )
    await Promise.all(
      deployments.map((running) => running.ready(options.readyWithinMs ?? READY_WITHIN_MS)),
    )
    for (const { deployment } of deployments) {
      const certificateDir = join(folder, 'certificates', deployment.name)
      const operator = separate(deployment.name)
        ? await asOperator(deployment.certificates, certificateDir)
        : alone
      await publishRecords(deployment, operator.internal, dns)
      operator.stop()
    }
    say(`${everyDomain.join(' and ')} are up`)

    const clientEnv = {
      MAILX_HOME: join(folder, 'home'),
      MAILX_DNS_RESOLVER: dns.address,
      MAILX_ALLOW_PRIVATE: '1',
      ...otel,
    }
    await writeEnv(join(folder, 'env'), { clientEnv, deployments, traces })
    const client = clientWith(clientEnv, programOf)
    return { deployments, dns, traces, client, clientEnv, logDir, servers, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** One Postgres, one NATS and one Redis, shared by deployments that see nothing of each other. */
async function startBackends(
  names: readonly string[],
  { say, programOf }: StackOptions,
  certificates: ServerCertificates | undefined,
  stops: (() => Promise<unknown>)[],
) {
  const tls = certificates && { tls: certificates.tls }
  const [postgres, nats, redis] = await Promise.all([
    startPostgres({ say, ...tls }),
    startNats({ say, accounts: names, ...tls }),
    startRedis({ say, ...tls }),
  ])
  stops.push(() => Promise.all([postgres.stop(), nats.stop(), redis.stop()]))
  // Where there is a unix socket: its writes cost half of what they cost over TCP. Programs that are
  // run elsewhere, in containers, see no such file.
  const isLocal = programOf === undefined && certificates === undefined
  const socketUrl = isLocal ? postgres.socketUrl : undefined
  const postgresUrl = socketUrl ?? postgres.url
  const backendsOf = async (name: string): Promise<Backends> => {
    const redisUrl = new URL(redis.url)
    redisUrl.pathname = `/${names.indexOf(name)}`
    return {
      databaseUrl: await createDatabase(postgresUrl, `mailx_${name}`),
      natsUrl: nats.urlOf(name),
      natsSeedOf: (principal) => nats.seedOf(name, principal),
      redisUrl: redisUrl.href,
    }
  }
  return { backendsOf, servers: { Postgres: postgres, NATS: nats, Redis: redis } }
}

const otelEnv = (traces: Receiver) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: traces.endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '200',
})

const opsOf = (deployments: Stack['deployments']): string =>
  deployments
    .flatMap(({ processes }) => processes.map(({ opsPort }) => `http://127.0.0.1:${opsPort}`))
    .join(',')

/** A file for `source`: the client's variables, and those of the first deployment's operator. */
async function writeEnv(
  path: string,
  { clientEnv, deployments, traces }: Pick<Stack, 'clientEnv' | 'deployments' | 'traces'>,
): Promise<void> {
  const [operator, ...others] = deployments.map(({ deployment }) => deployment.envOf('operator'))
  const { OTEL_BSP_SCHEDULE_DELAY: _, ...own } = clientEnv
  const all = {
    ...own,
    ...operator,
    ALSO_DATABASE_URLS: others.map((env) => env['DATABASE_URL']).join(','),
    ...(traces && { TRACES_URL: traces.endpoint }),
    OPS_URLS: opsOf(deployments.slice(0, 1)),
    ALL_OPS_URLS: opsOf(deployments),
  }
  const lines = Object.entries(all).map(([name, value]) => `export ${name}='${value}'\n`)
  await writeFile(path, lines.join(''), { mode: 0o600 })
}
