import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { type Principal, principals } from '@mailx/privileges/services'
import { createUser } from '@nats-io/nkeys'
import { type Backend, type BackendOptions, type Say, sayOnStderr } from './backend.ts'
import { chooseBackend } from './choose-backend.ts'
import { startContainer } from './docker.ts'
import { type Binary, findBinary, type Program } from './find-binary.ts'
import { withPort } from './free-port.ts'
import { type NatsAccount, natsConfig } from './nats-config.ts'
import { makeRunDir } from './run-dir.ts'
import { runServer } from './run-server.ts'
import { tlsInContainer, writeServerTls } from './server-tls.ts'

export type NatsOptions = BackendOptions & {
  /** Names of accounts that share nothing; `urlOf` gives the way into each. Without it: one. */
  readonly accounts?: readonly string[]
}

export type NatsBackend = Backend & {
  /** The URL for an account of the options. `url` is the one of the first. */
  urlOf(account: string): string
  /** The seed of a service's user in an account of the options. */
  seedOf(account: string, principal: Principal): string
}

export const natsProgram: Program = {
  title: 'NATS',
  names: ['nats-server'],
  variable: 'MAILX_NATS_SERVER',
  minimum: [2, 9, 4],
  aptPackages: ['nats-server'],
  brewFormula: 'nats-server',
}

/** A nats-server with JetStream. */
export async function startNats(options: NatsOptions = {}): Promise<NatsBackend> {
  const say = options.say ?? sayOnStderr
  const accounts = (options.accounts ?? ['mailx']).map(makeAccount)
  const backend = await chooseBackend('nats', say, {
    // A server that was set up by others does not know accounts that are named here.
    own: options.own ?? (options.accounts !== undefined || options.tls !== undefined),
    find: () => findBinary(natsProgram, say),
    start: (binary) => startLocal(binary, options, accounts, say),
    startInDocker: () => startInDocker(options, accounts, say),
  })
  return withAccounts(backend, accounts)
}

type Account = NatsAccount & { readonly seeds: ReadonlyMap<Principal, string> }

function makeAccount(name: string): Account {
  const keys = principals.map((principal) => [principal, createUser()] as const)
  return {
    name,
    password: randomBytes(16).toString('hex'),
    users: new Map(keys.map(([principal, key]) => [principal, key.getPublicKey()])),
    seeds: new Map(keys.map(([principal, key]) => [principal, utf8.decode(key.getSeed())])),
  }
}

const utf8 = new TextDecoder()

/** Adds the ways in without copying: the process id of a backend is read when it is asked for. */
function withAccounts(backend: Backend, accounts: readonly Account[]): NatsBackend {
  const accountOf = (name: string) => {
    const account = accounts.find((one) => one.name === name)
    if (account !== undefined) return account
    throw new Error(`the NATS server was started without account ${name}`)
  }
  const urlOf = (name: string) => {
    const account = accountOf(name)
    const url = new URL(backend.url)
    url.username = account.name
    url.password = account.password
    return url.href
  }
  const seedOf = (name: string, principal: Principal) => accountOf(name).seeds.get(principal) ?? ''
  return Object.assign(backend, { urlOf, seedOf })
}

const urlFor = ([account]: readonly NatsAccount[], host: string, port: number) =>
  `nats://${account?.name}:${account?.password}@${host}:${port}`

async function startLocal(
  { file, env, version }: Binary,
  options: NatsOptions,
  accounts: readonly NatsAccount[],
  say: Say,
): Promise<Backend> {
  const runDir = await makeRunDir('nats', options)
  const configFile = join(runDir, 'nats.conf')
  const storeDir = options.dataDir === undefined ? join(runDir, 'data') : resolve(options.dataDir)
  const tls = options.tls && (await writeServerTls(runDir, options.tls))
  return withPort(options.port, async (port) => {
    const config = natsConfig({ host: '127.0.0.1', port, storeDir, accounts, tls })
    await writeFile(configFile, config, { mode: 0o600 })
    return runServer({
      plan: {
        name: 'NATS',
        file,
        args: ['-c', configFile],
        env: { ...process.env, ...env },
        logFile: join(runDir, 'server.log'),
        stopSignal: 'INT',
        isReady: () => greets(port),
        temporary: [runDir],
      },
      url: urlFor(accounts, '127.0.0.1', port),
      port,
      source: `${file} ${version}`,
      say,
    })
  }).catch(async (error: unknown) => {
    await rm(runDir, { recursive: true, force: true })
    throw error
  })
}

/** A server that is up sends its INFO line to everybody who connects. */
const greets = (port: number): Promise<boolean> =>
  new Promise((resolveGreeting) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (greeted: boolean) => {
      socket.destroy()
      resolveGreeting(greeted)
    }
    socket.setTimeout(1000, () => answer(false))
    socket.once('error', () => answer(false))
    socket.once('data', (data) => answer(data.includes('"jetstream":true')))
  })

async function startInDocker(
  options: NatsOptions,
  accounts: readonly NatsAccount[],
  say: Say,
): Promise<Backend> {
  const tls = tlsInContainer(options.tls)
  if (options.dataDir !== undefined) await mkdir(options.dataDir, { recursive: true })
  const content = natsConfig({
    host: '0.0.0.0',
    port: 4222,
    storeDir: '/data',
    accounts,
    tls: tls.paths,
  })
  return startContainer({
    name: 'NATS',
    image: 'nats:2-alpine',
    port: 4222,
    hostPort: options.port,
    command: ['-c', '/etc/nats/mailx.conf'],
    files: [...tls.files, { content, target: '/etc/nats/mailx.conf' }],
    dataDir: options.dataDir,
    mountedAt: '/data',
    urlOf: (host, port) => urlFor(accounts, host, port),
    say,
  })
}
