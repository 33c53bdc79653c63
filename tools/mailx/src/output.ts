import { SingleBar } from 'cli-progress'
import { createColors } from 'picocolors'

/** Where the program writes: data to stdout, everything about the work to stderr. */
export type Output = {
  readonly json: boolean
  readonly colours: ReturnType<typeof createColors>
  /** Data for people, or the same as one line of JSON with --json. */
  result(data: Readonly<Record<string, unknown>>, text: string): void
  /** A remark; silent with --json or --quiet. */
  say(text: string): void
  /** A bar on a terminal once a step lasts over a second; a no-op elsewhere. */
  progress(label: string, total: number): { update(done: number): void; stop(): void }
}

export function createOutput(options: { readonly json: boolean; readonly quiet: boolean }): Output {
  const { stdout, stderr } = process
  const colours = createColors(wantsColour())
  return {
    json: options.json,
    colours,
    result: (data, text) => {
      stdout.write(options.json ? `${JSON.stringify(data)}\n` : `${text}\n`)
    },
    say: (text) => {
      if (!options.json && !options.quiet) stderr.write(`${text}\n`)
    },
    progress: (label, total) => {
      if (!stderr.isTTY || options.json || options.quiet) return { update() {}, stop() {} }
      return lateBar(label, total)
    },
  }
}

/** Colours on a terminal only, never with NO_COLOR (no-color.org), always with FORCE_COLOR. */
function wantsColour(): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env
  if (NO_COLOR) return false
  return Boolean(FORCE_COLOR) || process.stdout.isTTY
}

const SHOW_AFTER_MS = 1000

function lateBar(label: string, total: number) {
  const bar = new SingleBar({ format: `${label} {bar} {percentage}% {eta_formatted}` })
  let done = 0
  let shown = false
  const timer = setTimeout(() => {
    shown = true
    bar.start(total, done)
  }, SHOW_AFTER_MS)
  return {
    update(value: number) {
      done = value
      if (shown) bar.update(value)
    },
    stop() {
      clearTimeout(timer)
      if (shown) bar.stop()
    },
  }
}

/** Text from elsewhere, safe on a terminal: control characters and direction overrides are shown as ·. */
export const printable = (text: string): string =>
  text.replace(/(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '·')
