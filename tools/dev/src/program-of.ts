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

// Room for what dies young that a process with little to do does not fill: 28 MB less at rest.
const serviceFlags = ['--max-semi-space-size=8']

/** The programs as a checkout has them, or `bundled`, as `npm run build` made them. */
export const fromCheckout =
  (tree = root, bundled = false): ProgramOf =>
  (name) => {
    const file = bundled ? 'dist/main.js' : 'src/main.ts'
    return name === 'mailx'
      ? [process.execPath, join(tree, 'tools', name, file)]
      : [process.execPath, ...serviceFlags, join(tree, 'services', name, file)]
  }
