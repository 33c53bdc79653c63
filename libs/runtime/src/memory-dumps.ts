import { readFileSync, writeFileSync } from 'node:fs'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Logger } from '@mailx/telemetry/logger'

type Start = {
  /** Node's own arguments. */
  readonly execArgv: readonly string[]
  readonly NODE_OPTIONS: string | undefined
  readonly production: boolean
}

const opens =
  /^--(abort-on-uncaught-exception|heapsnapshot-signal|heapsnapshot-near-heap-limit|report-(on-fatalerror|on-signal|uncaught-exception)|inspect(-brk|-wait|-port|-publish-uid)?)(=|$)/

/**
 * Throws UNSAFE_CONFIGURATION in production when a switch of Node writes memory to disk, or lets a
 * debugger read it: keys and mail are in it.
 */
export function refuseMemoryDumps({ execArgv, NODE_OPTIONS = '', production }: Start): void {
  if (!production) return
  const found = [...execArgv, ...NODE_OPTIONS.split(/\s+/)].filter((word) =>
    opens.test(word.replaceAll('_', '-')),
  )
  if (found.length === 0) return
  throw new MailxError(
    'UNSAFE_CONFIGURATION',
    `in production nothing may write out or show the memory, which holds keys and mail: start Node without ${found.join(' and ')}`,
  )
}

/**
 * Has a core dump of this process hold no memory, and warns where the kernel may write one. Where there
 * is no /proc (not Linux) there is nothing to do and nothing to know.
 */
export function emptyCoreDumps(logger: Logger, production: boolean, self = '/proc/self'): void {
  try {
    writeFileSync(`${self}/coredump_filter`, '0')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') logger.warn({ err: error }, 'a core dump would hold memory')
  }
  const limit = coreLimit(self)
  if (production && limit !== undefined && limit !== '0') {
    logger.warn(
      { limit },
      'the kernel may write core dumps of this process: start it under `ulimit -c 0` (LimitCORE=0, docker run --ulimit core=0)',
    )
  }
}

/** How large a core dump may be, in bytes: "0", a number or "unlimited". */
export function coreLimit(self = '/proc/self'): string | undefined {
  try {
    const limits = readFileSync(`${self}/limits`, 'utf8')
    return /^Max core file size\s+(\S+)/m.exec(limits)?.[1]
  } catch {
    return undefined // no /proc
  }
}
