import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { type Backend, type BackendOptions, type Say, sayOnStderr } from './backend.ts'
import { chooseBackend } from './choose-backend.ts'
import { startContainer } from './docker.ts'
import { type Binary, findBinary, type Program } from './find-binary.ts'
import { withPort } from './free-port.ts'
import { makeRunDir } from './run-dir.ts'
import { runServer } from './run-server.ts'
import { type ServerTlsFiles, tlsInContainer, writeServerTls } from './server-tls.ts'

/** How many numbered databases a server that is started here has. */
export const REDIS_DATABASES = 512

export const redisProgram: Program = {
  title: 'Redis',
  names: ['redis-server', 'valkey-server'],
  variable: 'MAILX_REDIS_SERVER',
  minimum: [7, 0, 0],
  // The program itself is in redis-tools; redis-server has a link to it.
  aptPackages: ['redis-server', 'redis-tools'],
  brewFormula: 'redis',
}

/** A Redis or Valkey that keeps nothing on disk, as a cache should be. */
export async function startRedis(options: BackendOptions = {}): Promise<Backend> {
  const say = options.say ?? sayOnStderr
  const password = randomBytes(16).toString('hex')
  return chooseBackend('redis', say, {
    own: options.own ?? options.tls !== undefined,
    find: () => findBinary(redisProgram, say),
    start: (binary) => startLocal(binary, options, password, say),
    startInDocker: () => startInDocker(options, password, say),
  })
}

const settings = (password: string) => ({
  requirepass: password,
  databases: REDIS_DATABASES,
  save: '""',
  appendonly: 'no',
})

const toConfig = (values: Readonly<Record<string, string | number>>) =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('')

async function startLocal(
  { file, env, version }: Binary,
  options: BackendOptions,
  password: string,
  say: Say,
): Promise<Backend> {
  const runDir = await makeRunDir('redis', options)
  const configFile = join(runDir, 'redis.conf')
  const socketFile = join(runDir, 'redis.sock')
  const dataDir = options.dataDir === undefined ? runDir : resolve(options.dataDir)
  await mkdir(dataDir, { recursive: true })
  const tls = options.tls && (await writeServerTls(runDir, options.tls))
  return withPort(options.port, async (port) => {
    const listen = {
      bind: '127.0.0.1',
      ...(tls === undefined ? { port } : tlsSettings(port, tls)),
      unixsocket: socketFile,
      unixsocketperm: 600,
    }
    const config = toConfig({ ...listen, ...settings(password), dir: dataDir })
    await writeFile(configFile, config, { mode: 0o600 })
    return runServer({
      plan: {
        name: 'Redis',
        file,
        args: [configFile],
        env: { ...process.env, ...env },
        logFile: join(runDir, 'server.log'),
        stopSignal: 'TERM',
        isReady: () => answersPing(socketFile, password),
        temporary: [runDir],
      },
      url: urlFor(password, '127.0.0.1', port, tls),
      socketUrl: `${socketFile}?password=${password}`,
      port,
      source: `${file} ${version}`,
      say,
    })
  }).catch(async (error: unknown) => {
    await rm(runDir, { recursive: true, force: true })
    throw error
  })
}

const urlFor = (password: string, host: string, port: number, tls: ServerTlsFiles | undefined) =>
  `${tls === undefined ? 'redis' : 'rediss'}://:${password}@${host}:${port}`

const tlsSettings = (port: number, { cert, clientCa, key }: ServerTlsFiles) => ({
  port: 0,
  'tls-port': port,
  'tls-cert-file': cert,
  'tls-key-file': key,
  ...(clientCa === undefined
    ? { 'tls-auth-clients': 'no' }
    : { 'tls-auth-clients': 'yes', 'tls-ca-cert-file': clientCa }),
})

const answersPing = (socketFile: string, password: string): Promise<boolean> =>
  new Promise((resolvePing) => {
    const socket = connect(socketFile, () => socket.write(`AUTH ${password}\r\nPING\r\n`))
    let received = ''
    const answer = (ready: boolean) => {
      socket.destroy()
      resolvePing(ready)
    }
    socket.setTimeout(1000, () => answer(false))
    socket.once('error', () => answer(false))
    socket.on('data', (data) => {
      received += data.toString('latin1')
      if (received.includes('+PONG')) answer(true)
      else if (received.includes('-')) answer(false)
    })
  })

async function startInDocker(
  options: BackendOptions,
  password: string,
  say: Say,
): Promise<Backend> {
  const { files, paths } = tlsInContainer(options.tls)
  const listen = paths === undefined ? {} : tlsSettings(6379, paths)
  const content = toConfig({ ...listen, ...settings(password) })
  if (options.dataDir !== undefined) await mkdir(options.dataDir, { recursive: true })
  return startContainer({
    name: 'Redis',
    image: 'valkey/valkey:8-alpine',
    port: 6379,
    hostPort: options.port,
    command: ['valkey-server', '/etc/mailx.conf'],
    files: [...files, { content, target: '/etc/mailx.conf' }],
    dataDir: options.dataDir,
    mountedAt: '/data',
    urlOf: (host, port) => urlFor(password, host, port, paths),
    say,
  })
}
