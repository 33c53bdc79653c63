import { expect, test } from 'vitest'
import { readRunOptions } from './run-options.ts'

function plan(raw: Parameters<typeof readRunOptions>[0]) {
  const read = readRunOptions(raw)
  if ('complaints' in read) throw new Error(read.complaints.join('; '))
  return read.request
}
function complaints(raw: Parameters<typeof readRunOptions>[0]) {
  const read = readRunOptions(raw)
  return 'complaints' in read ? read.complaints : []
}

test('without options it is an open loop that seals as it goes', () => {
  expect(plan({})).toMatchObject({
    domains: [],
    users: 100,
    plan: {
      mode: 'local',
      submit: 'stream',
      seal: 'inline',
      pace: { kind: 'steps', steps: [{ perSecond: 100, ms: 30_000 }], spacing: 'poisson' },
    },
  })
})

test('a rate holds for the warm-up and for what is measured', () => {
  const { pace, warmupMs } = plan({ rate: '1000', duration: '60s', warmup: '10s' }).plan
  expect(pace).toMatchObject({ steps: [{ perSecond: 1000, ms: 70_000 }] })
  expect(warmupMs).toBe(10_000)
})

test('rates with times are steps of a burst', () => {
  expect(plan({ rate: '300:20s,3000:5s' }).plan.pace).toMatchObject({
    steps: [
      { perSecond: 300, ms: 20_000 },
      { perSecond: 3000, ms: 5_000 },
    ],
  })
})

test('two domains may be given together or one by one', () => {
  const domains = ['a.example', 'b.example']
  expect(plan({ target: ['a.example,b.example'] }).domains).toEqual(domains)
  expect(plan({ target: domains, mode: 'mixed' }).domains).toEqual(domains)
})

test.each([
  ['rate', { rate: 'fast' }, 'messages a second'],
  ['rate', { rate: '100,200' }, 'steps'],
  ['duration', { duration: '10' }, '30s'],
  ['recipients', { recipients: '5..1' }, '1..5'],
  ['size', { size: 'big' }, '2k'],
  ['mode', { mode: 'remote' }, 'local or federated or mixed'],
  ['users', { users: '1' }, 'whole number from 2'],
  ['submit', { submit: 'call' }, 'stream or unary'],
  ['target', { target: ['a.example', 'b.example', 'c.example'] }, 'one or two'],
  ['mode', { mode: 'federated', target: ['a.example'] }, 'two domains'],
  ['users', { users: '4', recipients: '1..5' }, 'more'],
  ['size', { size: '2m' }, '1000000'],
  ['rate', { rate: 'max', seal: 'ahead' }, '--messages'],
  ['seal', { rate: '10', duration: '10m', seal: 'ahead' }, 'inline'],
])('a wrong --%s is named with what to write: %j', (option, raw, hint) => {
  const [first, ...others] = complaints(raw)
  expect(others).toEqual([])
  expect(first).toContain(`--${option}`)
  expect(first).toContain(hint)
})

test('all that is wrong is said at once', () => {
  expect(complaints({ rate: 'fast', users: 'many', size: 'big' })).toHaveLength(3)
})
