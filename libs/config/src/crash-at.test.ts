import { expect, test, vi } from 'vitest'
import { armCrashSwitch, crashAt, crashPoints, readCrashSwitch } from './crash-at.ts'

const development = (text: string) => ({ MAILX_CRASH_AT: text, NODE_ENV: 'development' })

test('a point alone means its first time', () => {
  const read = readCrashSwitch(development('log.after-commit'))
  expect(read).toEqual({ point: 'log.after-commit', nth: 1, how: 'kill' })
})

test('a number says which time', () => {
  const read = readCrashSwitch(development('relay.after-publish:25'))
  expect(read).toEqual({ point: 'relay.after-publish', nth: 25, how: 'kill' })
})

test('it can stand still there and not die', () => {
  const first = { point: 'relay.after-publish', nth: 1, how: 'stop' }
  expect(readCrashSwitch(development('relay.after-publish:stop'))).toEqual(first)
  expect(readCrashSwitch(development('relay.after-publish:3:stop'))).toEqual({ ...first, nth: 3 })
})

test('every point of the list can be named', () => {
  const points = Object.keys(crashPoints)
  expect(points.map((point) => readCrashSwitch(development(point))?.point)).toEqual(points)
})

test.each(['log', 'log.after-commit:0', 'log.after-commit:', 'toString', ':3', 'x y'])(
  "'%s' is refused, and the refusal lists the points",
  (text) => {
    expect(() => readCrashSwitch(development(text))).toThrow(/inbound\.after-commit/)
  },
)

test.each(['production', undefined])('it is refused where NODE_ENV is %s', (mode) => {
  const env = { MAILX_CRASH_AT: 'log.after-commit', NODE_ENV: mode }
  expect(() => readCrashSwitch(env)).toThrow(
    expect.objectContaining({ code: 'UNSAFE_CONFIGURATION' }),
  )
})

test('nothing is armed without the variable, whatever the mode', () => {
  expect(readCrashSwitch({ NODE_ENV: 'production' })).toBeUndefined()
  expect(readCrashSwitch(development(''))).toBeUndefined()
})

test('told to stand still, the process stops once, and then goes on', () => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
  try {
    armCrashSwitch(development('log.after-commit:stop'))
    crashAt('log.after-commit')
    crashAt('log.after-commit')
    expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, 'SIGSTOP')
  } finally {
    kill.mockRestore()
    armCrashSwitch({})
  }
})

test('the process dies at the n-th time it gets to the point, and at no other point', () => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
  try {
    armCrashSwitch(development('gateway.after-push:2'))
    crashAt('gateway.before-push')
    crashAt('gateway.after-push')
    expect(kill).not.toHaveBeenCalled()
    crashAt('gateway.after-push')
    expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, 'SIGKILL')
  } finally {
    kill.mockRestore()
    armCrashSwitch({})
  }
})
