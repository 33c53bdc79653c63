import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Backend } from './backend.ts'
import { chooseBackend } from './choose-backend.ts'

const local = { url: 'nats://local' } as Backend
const ways = {
  own: false,
  find: () => Promise.resolve('a program'),
  start: () => Promise.resolve(local),
  startInDocker: () => Promise.reject(new Error('not asked for')),
}
const broken = () => Promise.reject(new Error('disk full'))
const none = () => Promise.reject(new Error('PATH: none\nHomebrew: none'))
const say = () => {}

// Whatever the run of the tests itself was told to take.
beforeEach(() => void vi.stubEnv('MAILX_BACKENDS', ''))
afterEach(() => vi.unstubAllEnvs())

test('a URL in the environment is taken as it is, and said', async () => {
  vi.stubEnv('MAILX_NATS_URL', 'nats://elsewhere:4222')
  const said: string[] = []
  const backend = await chooseBackend('nats', (line) => said.push(line), ways)
  expect(backend).toMatchObject({ url: 'nats://elsewhere:4222', port: 4222 })
  expect(said).toEqual(['NATS: the server of MAILX_NATS_URL'])
  await expect(backend.kill()).rejects.toThrow('MAILX_NATS_URL')
})

test('who wants a server of its own gets one', async () => {
  vi.stubEnv('MAILX_NATS_URL', 'nats://elsewhere:4222')
  expect(await chooseBackend('nats', say, { ...ways, own: true })).toBe(local)
})

test('a server that does not start is an error, not a reason for another one', async () => {
  vi.stubEnv('MAILX_NATS_URL', '')
  await expect(chooseBackend('nats', say, { ...ways, start: broken })).rejects.toThrow('disk full')
})

test('where there is none, the error names every reason and every remedy', async () => {
  vi.stubEnv('MAILX_NATS_URL', '')
  vi.stubEnv('MAILX_BACKENDS', 'local')
  const refusal = chooseBackend('nats', say, { ...ways, find: none })
  for (const words of [
    '- PATH: none',
    '- Homebrew: none',
    'apt-get install nats-server',
    'brew install nats-server',
    'docker run -d -p 4222:4222 nats:2-alpine -js',
    'MAILX_NATS_URL',
  ]) {
    await expect(refusal).rejects.toThrow(words)
  }
})

test('an unknown MAILX_BACKENDS is refused', async () => {
  vi.stubEnv('MAILX_NATS_URL', '')
  vi.stubEnv('MAILX_BACKENDS', 'cloud')
  await expect(chooseBackend('nats', say, ways)).rejects.toThrow('auto, local or docker')
})

const inDocker = { url: 'nats://docker' } as Backend
const engine = {
  startInDocker: () => Promise.resolve(inDocker),
  engineProblem: () => Promise.resolve(undefined),
}
const noEngine = { ...engine, engineProblem: () => Promise.resolve('no Docker engine answers') }

test.each([
  ['auto', 'a program here and an engine', { ...ways, ...engine }, local],
  ['auto', 'an engine alone', { ...ways, ...engine, find: none }, inDocker],
  ['auto', 'a program here alone', { ...ways, ...noEngine }, local],
  ['', 'an engine alone', { ...ways, ...engine, find: none }, inDocker],
  ['local', 'a program here and an engine', { ...ways, ...engine }, local],
  ['docker', 'a program here and an engine', { ...ways, ...engine }, inDocker],
])('MAILX_BACKENDS=%s takes, of %s, the right one', async (mode, _what, present, taken) => {
  vi.stubEnv('MAILX_NATS_URL', '')
  vi.stubEnv('MAILX_BACKENDS', mode)
  expect(await chooseBackend('nats', say, present)).toBe(taken)
})

test.each([
  ['auto', { ...ways, ...noEngine, find: none }, ['PATH: none', 'no Docker engine answers']],
  ['docker', { ...ways, ...noEngine }, ['no Docker engine answers']],
  ['local', { ...ways, ...engine, find: none }, ['PATH: none']],
])('MAILX_BACKENDS=%s without what it asks for says why', async (mode, present, reasons) => {
  vi.stubEnv('MAILX_NATS_URL', '')
  vi.stubEnv('MAILX_BACKENDS', mode)
  const refusal = chooseBackend('nats', say, present)
  for (const reason of reasons) await expect(refusal).rejects.toThrow(reason)
})

test('an engine that does not start a server is an error, not a reason for another one', async () => {
  vi.stubEnv('MAILX_NATS_URL', '')
  vi.stubEnv('MAILX_BACKENDS', 'docker')
  const present = { ...ways, ...engine, startInDocker: broken }
  await expect(chooseBackend('nats', say, present)).rejects.toThrow('disk full')
})
