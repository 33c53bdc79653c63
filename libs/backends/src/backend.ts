import type { ServerTls } from './server-tls.ts'

/** Tells a person what is being done: one line per call. */
export type Say = (line: string) => void

/** A server that this process started, or that was given by its URL. */
export type Backend = {
  /** For clients; holds user and password. */
  readonly url: string
  /** The same over a unix socket, where the server has one on this machine. */
  readonly socketUrl?: string
  readonly port: number
  /** Where it came from: a path, an image, the name of an environment variable. */
  readonly source: string
  /** Undefined when it is no process of this machine, and while it is down. */
  readonly pid: number | undefined
  /** Ends it in order and removes the data that no caller gave a folder for. */
  stop(): Promise<void>
  /** Ends it as a crash would. The data stays, so that `restart` finds it. */
  kill(): Promise<void>
  /** Brings it back on the same port with the same data, after `kill` or while it runs. */
  restart(): Promise<void>
}

export type BackendOptions = {
  /** Where the data lives. Without it a temporary folder, gone after `stop`. */
  readonly dataDir?: string
  /** Where that temporary folder is made. Without it where the system has its own. */
  readonly tempDir?: string
  /** Without it a free one is picked. */
  readonly port?: number
  /** Never the server that an environment variable names: for those who mean to break theirs. */
  readonly own?: boolean
  readonly tls?: ServerTls
  readonly say?: Say
}

export const sayOnStderr: Say = (line) => {
  process.stderr.write(`${line}\n`)
}
