const units: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 * 1024 }

/** Reads `512`, `2k` or `1m` as bytes; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,9})([km]?)b?$/i.exec(text) ?? []
  const factor = units[unit.toLowerCase()]
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor
}
