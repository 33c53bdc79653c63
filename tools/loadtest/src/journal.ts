import { closeSync, fdatasync, openSync, readFileSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { MailxError } from '@mailx/errors/mailx-error'
import { decodeJournal, groupEncoder } from './journal-codec.ts'
import type { JournalRecord, RunHeader } from './journal-record.ts'

/**
 * What a load test did, on disk. `add` gathers; `write` hands what was gathered to the system, so that
 * it survives the end of this process; within SYNC_EVERY_MS after that it is on the disk.
 */
export type Journal = {
  add(record: JournalRecord): void
  write(): void
  /** Resolves when everything is on the disk. */
  close(): Promise<void>
}

const SYNC_EVERY_MS = 100
const sync = promisify(fdatasync)

/** Makes the file, readable by its owner alone. An older one is overwritten. */
export function createJournal(path: string, run: RunHeader): Journal {
  const file = openSync(path, 'w', 0o600)
  const gathered = groupEncoder()
  gathered.add({ kind: 'start', run })
  let unsynced = false
  let syncing: Promise<void> | undefined
  const write = () => {
    const group = gathered.take()
    if (group === undefined) return
    for (let done = 0; done < group.length; ) done += writeSync(file, group, done)
    unsynced = true
  }
  const timer = setInterval(() => {
    write()
    if (!unsynced || syncing !== undefined) return
    unsynced = false
    syncing = sync(file).finally(() => {
      syncing = undefined
    })
    // A disk that fails must end the run: nothing that follows could be believed.
    syncing.catch((error: unknown) => {
      throw error
    })
  }, SYNC_EVERY_MS)
  write()
  return {
    add: gathered.add,
    write,
    async close() {
      clearInterval(timer)
      write()
      await syncing
      await sync(file)
      closeSync(file)
    },
  }
}

/** For runs that nobody will verify. */
export const noJournal: Journal = { add() {}, write() {}, async close() {} }

export type ReadJournal = {
  readonly run: RunHeader
  readonly records: readonly JournalRecord[]
  readonly tornBytes: number
}

/** Throws NOT_FOUND or INVALID_ARGUMENT. */
export function readJournal(path: string): ReadJournal {
  const { records, tornBytes } = decodeJournal(readBytes(path))
  const [start] = records
  if (start?.kind !== 'start') throw new MailxError('INVALID_ARGUMENT', `${path} is no journal`)
  return { run: start.run, records, tornBytes }
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new MailxError('NOT_FOUND', `cannot read the journal ${path}: ${code ?? message}`)
  }
}
