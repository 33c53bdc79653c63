import { afterEach, expect, test, vi } from 'vitest'
import { collectWhatStartingLeft } from './collect-what-starting-left.ts'

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('memory is collected and given back once, when starting is over', () => {
  vi.useFakeTimers()
  const gc = vi.fn<(options: object) => void>()
  vi.stubGlobal('gc', gc)
  collectWhatStartingLeft()
  vi.advanceTimersByTime(4_000)
  expect(gc).not.toHaveBeenCalled()
  vi.advanceTimersByTime(60_000)
  expect(gc).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ flavor: 'last-resort' }))
})

test('a process whose Node does not give its collector away starts all the same', () => {
  vi.useFakeTimers()
  vi.stubGlobal('gc', undefined)
  collectWhatStartingLeft()
  expect(vi.getTimerCount()).toBe(0)
})
