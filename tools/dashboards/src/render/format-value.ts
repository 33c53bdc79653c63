const scaled = (value: number, base: number, units: readonly string[]): string => {
  let index = 0
  let rest = value
  while (Math.abs(rest) >= base && index < units.length - 1) {
    rest /= base
    index += 1
  }
  return `${Number(rest.toPrecision(3))}${units[index]}`
}

/** A number for people, in a unit of Grafana's. `now`: milliseconds since 1970. */
export function formatValue(value: number, unit: string, now: number = Date.now()): string {
  switch (unit) {
    case 's':
      if (value === 0) return '0 s'
      if (Math.abs(value) < 0.001) return `${Number((value * 1e6).toPrecision(3))} µs`
      if (Math.abs(value) < 1) return `${Number((value * 1000).toPrecision(3))} ms`
      if (Math.abs(value) < 120) return `${Number(value.toPrecision(3))} s`
      if (Math.abs(value) < 7200) return `${Number((value / 60).toPrecision(3))} min`
      return `${Number((value / 3600).toPrecision(3))} h`
    case 'bytes':
      return scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB'])
    case 'Bps':
      return scaled(value, 1024, [' B/s', ' KiB/s', ' MiB/s', ' GiB/s'])
    case 'ops':
      return `${Number(value.toPrecision(3))}/s`
    case 'percentunit':
      return `${Number((value * 100).toPrecision(4))} %`
    case 'dateTimeFromNow':
      return `in ${Number(((value - now) / 86_400_000).toPrecision(3))} days`
    default:
      return scaled(value, 1000, ['', ' k', ' M', ' G'])
  }
}
