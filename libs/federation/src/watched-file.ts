import { readFile, stat } from 'node:fs/promises'
import { MailxError } from '@mailx/errors/mailx-error'

/** What a file says, kept up to date without restart. */
export type WatchedFile<Content> = {
  current(): Content
  /**
   * Looks at the file. A change counts when two looks in a row see the same one, so that a file that is
   * being written is not read half. Runs by itself; a broken file leaves what was there.
   */
  look(): Promise<void>
  stop(): void
}

export type WatchedFileOptions<Content> = {
  /** The variable that names the file: errors begin with it. */
  readonly variable: string
  readonly path: string
  readonly parse: (text: string) => Content
  readonly onReloaded?: (content: Content) => void
  /** Told whenever a changed file cannot be read. */
  readonly onFailure?: (error: unknown) => void
  readonly pollMs?: number
}

/** Reads the file. Rejects with INVALID_ARGUMENT, naming file and fault, when it cannot be read. */
export async function watchFile<Content>(
  options: WatchedFileOptions<Content>,
): Promise<WatchedFile<Content>> {
  const { path, pollMs = 5000 } = options
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      const message = `${options.variable} ${path}: ${(cause as Error).message}`
      throw new MailxError('INVALID_ARGUMENT', message, { cause })
    }
  }
  const versionOf = async () => {
    const { ino, mtimeMs, size } = await stat(path)
    return `${ino}/${mtimeMs}/${size}`
  }
  const read = async () => options.parse(await readFile(path, 'utf8'))
  let version = await attempt(versionOf)
  let content = await attempt(read)
  let seen = version

  const look = async () => {
    const found = await attempt(versionOf)
    const settled = found === seen
    seen = found
    if (found === version || !settled) return
    const changed = await attempt(read)
    if ((await attempt(versionOf)) !== found) return
    content = changed
    version = found
    options.onReloaded?.(content)
  }
  const timer = setInterval(() => {
    look().catch((error: unknown) => options.onFailure?.(error))
  }, pollMs)
  timer.unref()
  return { current: () => content, look, stop: () => clearInterval(timer) }
}
