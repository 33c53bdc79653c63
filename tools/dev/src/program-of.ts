import { join } from 'node:path'

const root = new URL('../../..', import.meta.url).pathname

/**
 * The command line of a program: a service or the client (`mailx`). `env` is what it is given on top
 * of the environment of this process, which the command line is run with.
 */
export type ProgramOf = (
  name: string,
  env: Readonly<Record<string, string>>,
) => readonly [file: string, ...args: string[]]

const serviceFlags = [
  // No signal opens the debugger, which would show keys and mail.
  '--disable-sigusr1',
  // Room for what dies young. V8 takes it only under load, where it saves one twentieth of the processor time.
  '--max-semi-space-size=32',
  // Old objects are collected when there are three times as many as were left the last time, buffers
  // counted in. By itself V8 does it every few seconds under load.
  '--heap-growing-percent=200',
  '--external-memory-accounted-in-global-limit',
  // The program collects by itself: with V8's threads beside it a message cost a fifth more
  // processor time at 3,000 a second on two cores.
  '--single-threaded-gc',
  // And once after it has started: a fifth of what it holds at rest.
  '--expose-gc',
]

/** Runs the command that follows in the same process: a crash writes no memory to disk. */
export const withoutCoreDumps = ['/bin/sh', '-c', 'ulimit -c 0 && exec "$@"', 'sh'] as const

/** The programs as a checkout has them, or `bundled`, as `npm run build` made them. */
export const fromCheckout =
  (tree = root, bundled = false): ProgramOf =>
  (name) => {
    const file = bundled ? 'dist/main.js' : 'src/main.ts'
    return name === 'mailx'
      ? [process.execPath, join(tree, 'tools', name, file)]
      : [...withoutCoreDumps, process.execPath, ...serviceFlags, join(tree, 'services', name, file)]
  }
