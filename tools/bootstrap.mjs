// What package.json's scripts call: node tools/bootstrap.mjs <command> [arguments]. It runs on any
// Node from 18 on and has no dependencies. It sees to it that what npm brings and what is generated
// is there and current, and then hands over to the command on the Node that came with npm install.
// What it has to say goes to stderr: stdout belongs to the command.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const MINIMUM_NODE = 24

// Messages that were sealed ahead fill the memory. Collecting them takes time from the servers on the
// same machine: the young get room, and the old may become many before anything is done about them.
const roomForMessages = [
  '--max-semi-space-size=64',
  '--initial-old-space-size=1024',
  '--external-memory-accounted-in-global-limit',
]

const commands = {
  start: { does: 'brings up two domains and sends a message', script: 'tools/dev/src/main.ts' },
  test: { does: 'runs all tests', script: 'tools/run-tests.mjs' },
  'chart:generate': { does: 'makes the values of the chart', script: 'tools/chart/src/main.ts' },
  helm: {
    does: 'is Helm, from npm or the PATH',
    script: 'tests/chart/run-helm.ts',
    forPeople: true,
  },
  check: { does: 'runs everything that CI checks', script: 'tools/check.mjs' },
  bench: {
    does: 'measures the standard set',
    script: 'tools/bench/src/main.ts',
    options: roomForMessages,
  },
  loadtest: {
    does: 'puts a deployment under load',
    script: 'tools/loadtest/src/main.ts',
    options: roomForMessages,
    forPeople: true,
  },
  dashboards: {
    does: 'draws dashboards from live metrics',
    script: 'tools/dashboards/src/main.ts',
  },
  faults: { does: 'breaks two domains under load', script: 'tests/faults/main.ts' },
  'image:test': {
    does: 'builds the container image and tries it',
    script: 'tools/image/src/main.ts',
  },
  'image:servers': {
    does: 'gives the engine the images of Postgres, NATS and Valkey',
    script: 'tools/image/src/provide-servers.ts',
  },
  conformance: { does: 'answers JSON lines on stdin', script: 'tools/conformance/src/main.ts' },
  mailx: { does: 'is the client', script: 'tools/mailx/src/main.ts', forPeople: true },
  mailxctl: { does: 'is for operators', script: 'tools/mailxctl/src/main.ts', forPeople: true },
}

const say = (line) => process.stderr.write(`${line}\n`)

await main(process.argv.slice(2))

async function main([name = '', ...args]) {
  if (!Object.hasOwn(commands, name)) fail(usage(name))
  await install()
  await generate()
  hand(name, args)
}

function fail(message) {
  say(message)
  process.exit(1)
}

function usage(name) {
  const list = Object.entries(commands).map(
    ([key, { does }]) => `  npm run ${key.padEnd(12)}  ${does}`,
  )
  return `${name === '' ? 'Say what to do' : `There is no command '${name}'`}. There are\n${list.join('\n')}`
}

/** Runs npm install unless node_modules is what package-lock.json says, on this platform. */
async function install() {
  const lock = join(root, 'package-lock.json')
  const stamp = join(root, 'node_modules', '.mailx-lock')
  const platform = `${process.platform}-${process.arch}`
  const [stampedPlatform = platform, stampedHash] = read(stamp)?.split(' ') ?? []
  if (stampedPlatform !== platform || stampedHash !== hashOf([lock])) {
    if (stampedPlatform !== platform || !isInstalledByHand(lock)) {
      say('Installing the npm packages of package-lock.json (npm install)')
      await runQuietly('npm install', ...npm(['install', '--no-audit', '--no-fund']))
    }
    writeFileSync(stamp, `${platform} ${hashOf([lock])}`)
  }
  if (
    !existsSync(join(bin, 'node')) &&
    Number(process.versions.node.split('.')[0]) < MINIMUM_NODE
  ) {
    say(`Fetching Node ${MINIMUM_NODE}: its install script was not run (npm rebuild node)`)
    await runQuietly('npm rebuild', ...npm(['rebuild', 'node', '--ignore-scripts=false']))
    if (!existsSync(join(bin, 'node'))) {
      fail(`npm did not bring Node ${MINIMUM_NODE}: install it, and try again`)
    }
  }
}

/** npm writes its own copy of the lock when it is done: somebody may have called it directly. */
function isInstalledByHand(lock) {
  const done = join(root, 'node_modules', '.package-lock.json')
  return existsSync(done) && statSync(done).mtimeMs + 5000 >= statSync(lock).mtimeMs
}

/** Turns proto/ into TypeScript unless that is done and current. */
async function generate() {
  const proto = join(root, 'proto')
  const stamp = join(root, 'node_modules', '.mailx-proto')
  const hash = hashOf(sourcesIn(proto))
  if (existsSync(join(proto, 'gen')) && read(stamp) === hash) return
  say('Generating TypeScript from proto/ (buf generate)')
  await runQuietly('buf generate', join(bin, 'buf'), ['generate'], proto)
  writeFileSync(stamp, hash)
}

function sourcesIn(dir) {
  const skipped = new Set(['gen', 'node_modules', '.turbo'])
  return readdirSync(dir, { withFileTypes: true })
    .filter(({ name }) => !skipped.has(name))
    .flatMap((entry) => {
      const path = join(dir, entry.name)
      return entry.isDirectory() ? sourcesIn(path) : /\.(proto|yaml|json)$/.test(path) ? [path] : []
    })
}

function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file.slice(root.length)}\n`).update(readFileSync(file))
  return hash.digest('hex')
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

/** npm as it was called, else the one on the PATH. */
function npm(args) {
  const { npm_execpath: cli } = process.env
  return cli?.endsWith('npm-cli.js') ? [process.execPath, [cli, ...args]] : ['npm', args]
}

function environment() {
  return {
    // What Node compiled once, TypeScript included, the next process need not compile again.
    NODE_COMPILE_CACHE: join(root, '.cache/compiled'),
    ...process.env,
    PATH: [bin, process.env.PATH].filter(Boolean).join(delimiter),
  }
}

/** Runs to the end, with a sign of life every ten seconds; what it printed is shown if it fails. */
function runQuietly(title, file, args, cwd = root) {
  return new Promise((resolve) => {
    const began = Date.now()
    const seconds = () => Math.round((Date.now() - began) / 1000)
    const child = spawn(file, args, { cwd, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece) => {
        output += piece
      })
    }
    const alive = setInterval(() => say(`  still at it after ${seconds()} s`), 10_000)
    const end = (problem) => {
      clearInterval(alive)
      if (problem === undefined) resolve()
      else fail(`${output}${title} failed (${problem}); its output is above`)
    }
    child.once('error', (error) => end(error.message))
    child.once('close', (code, signal) => end(code === 0 ? undefined : (signal ?? `exit ${code}`)))
  })
}

/** Becomes the command where Node can do that; else stays beside it until it ends. */
function hand(name, args) {
  const { script, options = [], forPeople = false } = commands[name]
  const node = existsSync(join(bin, 'node')) ? join(bin, 'node') : process.execPath
  const argv = ['--disable-warning=ExperimentalWarning', ...options, join(root, script), ...args]
  // npm changes to the root; the files that a person names are meant from where that person is.
  const { npm_lifecycle_event: npmScript, INIT_CWD: calledFrom = root } = process.env
  if (!forPeople) process.chdir(root)
  else if (npmScript === name) process.chdir(calledFrom)
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.removeAllListeners('warning')
    process.execve(node, [node, ...argv], environment())
  }
  const child = spawn(node, argv, { env: environment(), stdio: 'inherit' })
  const isTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal's Ctrl-C has reached the child already.
      if (signal !== 'SIGINT' || !isTerminal) child.kill(signal)
    })
  }
  child.once('error', (error) => {
    say(`${node}: ${error.message}`)
    process.exitCode = 1
  })
  child.once('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1
      return
    }
    // Ends as the child did, so that the caller sees the same.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
