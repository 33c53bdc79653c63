import { bytes } from './bytes.ts'
import { highest } from './highest.ts'
import type { DatabaseReport } from './read-database.ts'
import type { Disk } from './read-disk.ts'
import type { ServiceReport } from './read-services.ts'

/** How full each server is, as far as it tells. */
export function roomOf(
  database: DatabaseReport | undefined,
  services: readonly ServiceReport[],
): string[] {
  const lines = [
    ...(database === undefined ? [] : [`  Postgres   ${ofPostgres(database.disk)}`]),
    ...ofJetStream(services),
    ...ofRedis(services),
  ]
  return lines.length === 0 ? ['  unknown'] : lines
}

function ofPostgres({ databaseBytes, free, tablespaceBytes, walBytes }: Disk): string {
  const held = [
    `database ${bytes(databaseBytes)}`,
    `its tablespace ${bytes(tablespaceBytes)}`,
    `WAL ${walBytes === undefined ? 'unknown to this role' : bytes(walBytes)}`,
  ].join(', ')
  return free === undefined
    ? `${held}; what is free on its disk, its machine tells`
    : `${held}; ${bytes(free.bytes)} of ${bytes(free.ofBytes)} free`
}

/** Each stream once, by the process that says most of it. */
function ofJetStream(services: readonly ServiceReport[]): string[] {
  const byStream = (name: string) => {
    const found = new Map<string, number>()
    for (const { samples } of services) {
      for (const { labels, name: told, value } of samples) {
        const stream = labels['stream'] ?? ''
        if (told === name) found.set(stream, Math.max(found.get(stream) ?? 0, value))
      }
    }
    return found
  }
  const held = byStream('mailx_nats_stream_bytes')
  const limits = byStream('mailx_nats_stream_limit_bytes')
  if (held.size === 0) return []
  const [[name, most] = ['', 0]] = [...held].toSorted(([, a], [, b]) => b - a)
  const limit = limits.get(name) ?? 0
  const limited = [...held.keys()].every((stream) => (limits.get(stream) ?? 0) > 0)
  return [
    `  JetStream  ${sum(held)}${limited ? ` of ${sum(limits)}` : ''} in ${held.size} streams, most in ${name}: ${bytes(most)}${limit > 0 ? ` of ${bytes(limit)}` : ''}`,
  ]
}

const sum = (of: ReadonlyMap<string, number>): string =>
  bytes([...of.values()].reduce((all, one) => all + one, 0))

function ofRedis(services: readonly ServiceReport[]): string[] {
  const held = highest(services, 'mailx_redis_memory_bytes')
  const limit = highest(services, 'mailx_redis_memory_limit_bytes') ?? 0
  if (held === undefined) return []
  return [`  Redis      ${bytes(held)}${limit > 0 ? ` of ${bytes(limit)}` : ', without a limit'}`]
}
