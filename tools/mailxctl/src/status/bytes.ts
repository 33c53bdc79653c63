const UNITS = ['KiB', 'MiB', 'GiB', 'TiB']

/** 1.5 MiB */
export function bytes(count: number): string {
  const power = Math.min(UNITS.length, Math.max(1, Math.floor(Math.log2(Math.max(1, count)) / 10)))
  return `${(count / 1024 ** power).toFixed(1)} ${UNITS[power - 1]}`
}
