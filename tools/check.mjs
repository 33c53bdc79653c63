// npm run check: everything that CI checks, one after the other, also after a failure. What a step
// printed is shown when it fails; the tests show what they do while they do it.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = (name) => join(root, 'node_modules/.bin', name)
const node = (script, ...args) => [process.execPath, join(root, 'tools', script), ...args]
const proto = join(root, 'proto')
const services = join(root, 'services')

const steps = [
  ['generate', [bin('buf'), 'generate'], { cwd: proto }],
  ['proto style', [bin('buf'), 'lint'], { cwd: proto }],
  ['proto format', [bin('buf'), 'format', '-d', '--exit-code'], { cwd: proto }],
  ['types', [bin('tsc'), '-p', '.']],
  ['lint', [bin('oxlint'), '--type-aware', '--deny-warnings']],
  ['one-way rule', node('one-way-rule.mjs')],
  ['unused code', [bin('knip')]],
  ['format', [bin('biome'), 'check', '.']],
  ['tests', node('run-tests.mjs'), { live: true }],
  ...readdirSync(services)
    .filter((name) => existsSync(join(services, name, 'src/main.ts')))
    .map((name) => [`build ${name}`, node('build-service.mjs'), { cwd: join(services, name) }]),
]

const failed = []
for (const [title, command, options = {}] of steps) {
  const began = performance.now()
  const { ok, output } = await run(command, options)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  if (!ok) failed.push(title)
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${title} (${seconds} s)`)
  if (!ok && output !== '') console.log(output.replace(/^/gm, '     '))
}
console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1

function run([file, ...args], { cwd = root, live = false }) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd, stdio: live ? 'inherit' : ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (piece) => {
        output += piece
      })
    }
    child.once('error', ({ message }) => resolve({ ok: false, output: message }))
    child.once('close', (code) => resolve({ ok: code === 0, output: output.trim() }))
  })
}
