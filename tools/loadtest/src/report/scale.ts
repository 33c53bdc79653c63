/** Turns a value into a place on the page. */
export type Scale = (value: number) => number

export const linear =
  (from: readonly [number, number], to: readonly [number, number]): Scale =>
  (value) => {
    const span = from[1] - from[0]
    return to[0] + ((value - from[0]) / (span === 0 ? 1 : span)) * (to[1] - to[0])
  }

/** About `count` round values from 0 to `max` or a little more. */
export function ticksTo(max: number, count = 4): number[] {
  if (!(max > 0)) return [0, 1]
  const rough = max / count
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5, 10].find((one) => one * magnitude >= rough) ?? 10) * magnitude
  const steps = Math.ceil(max / step - 1e-9)
  return Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(6)))
}

/** For people: 1,234 and 0.25. */
export const shown = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value !== 0 && value < 10 ? 2 : 0 })
