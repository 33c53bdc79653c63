import { recordSpans } from '@mailx/telemetry/record-spans'
import { withSpan } from '@mailx/telemetry/tracer'
import { expect, test } from 'vitest'
import { readinessOf } from './readiness.ts'
import {
  mergeServices,
  type RunningService,
  type ServiceDeps,
  startService,
} from './running-service.ts'

const stopped: string[] = []
const service = (name: string, ok = true): RunningService => ({
  name,
  addresses: { grpc: `unix:/${name}` },
  ready: () => readinessOf([{ name: 'processors', ok }]),
  stop: async () => {
    stopped.push(name)
    if (!ok) throw new Error(`${name} is stuck`)
  },
})

test('several services are one: all addresses, ready together, stopped in reverse', async () => {
  const merged = mergeServices('all-in-one', [service('identity'), service('gateway')])
  expect(merged.addresses).toEqual({
    'identity grpc': 'unix:/identity',
    'gateway grpc': 'unix:/gateway',
  })
  expect(merged.ready().ready).toBe(true)
  await merged.stop()
  expect(stopped.splice(0)).toEqual(['gateway', 'identity'])
})

test('one that is not ready makes all not ready, and one that cannot stop does not keep the others', async () => {
  const merged = mergeServices('all-in-one', [service('identity'), service('storage', false)])
  expect(merged.ready()).toMatchObject({
    ready: false,
    checks: [{ name: 'identity: processors' }, { name: 'storage: processors', ok: false }],
  })
  await expect(merged.stop()).rejects.toThrow('did not stop cleanly')
  expect(stopped.splice(0)).toEqual(['storage', 'identity'])
})

test('a service of a shared process keeps its name in what it does later in the background', async () => {
  const spans = await recordSpans()
  const { promise, resolve } = Promise.withResolvers<void>()
  const deps = { config: { LOG_LEVEL: 'silent' } } as ServiceDeps<{ LOG_LEVEL: string }>
  const background: Array<Promise<void>> = []
  const start = async (name: string) => {
    await startService(deps, name, async ({ logger }) => {
      expect(logger.bindings()).toMatchObject({ service: name })
      background.push(promise.then(() => withSpan(`work of ${name}`, {}, () => {})))
      return service(name)
    })
  }
  await start('storage')
  await start('directory')
  resolve()
  await Promise.all(background)
  expect(spans.map(({ name, attributes }) => [name, attributes['mailx.service']])).toEqual([
    ['work of storage', 'storage'],
    ['work of directory', 'directory'],
  ])
})
