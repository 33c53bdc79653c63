import { spawn } from 'node:child_process'

// Waits on standard input: a line means that the server was stopped in order, the end of the input
// that the parent is gone. $1 pid, $2 signal, the rest: folders to remove.
const script = `
trap '' INT TERM HUP
read -r line && exit 0
pid=$1 signal=$2
shift 2
kill -s "$signal" "$pid" 2>/dev/null
tries=0
while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
kill -s KILL "$pid" 2>/dev/null
[ "$#" -eq 0 ] || rm -rf -- "$@"
`

export type StopSignal = 'INT' | 'TERM' | 'QUIT'

export type Guard = { dismiss(): void }

/**
 * A shell beside a server that ends it when this process dies, however it dies, and removes the
 * server's temporary folders. It is in a session of its own, so that Ctrl-C does not reach it.
 */
export function guardProcess(pid: number, signal: StopSignal, temporary: readonly string[]): Guard {
  const shell = spawn('/bin/sh', ['-c', script, 'guard', String(pid), signal, ...temporary], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  })
  // Neither the shell nor the pipe to it keeps this process alive.
  shell.unref()
  const input = shell.stdin as typeof shell.stdin & { unref?: () => void }
  input.unref?.()
  // The shell may be gone before the line is written, for example at a shutdown of the machine.
  input.on('error', () => input.destroy())
  return { dismiss: () => input.end('stopped\n') }
}
