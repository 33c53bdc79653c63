import { type RateStep, type Spacing } from './arrivals.ts'
import type { Mode } from './circles.ts'
import { defaultPlan, type LoadPlan } from './load-plan.ts'
import { parseDuration } from './parse-duration.ts'
import { parseSizes, type Sizes } from './sizes.ts'

/** Options of `loadtest run` as commander hands them over: text, unless they are flags. */
export type RawRunOptions = Readonly<
  Record<string, string | readonly string[] | boolean | undefined>
>

/** What the options ask for, beside where the load goes. */
export type RunRequest = {
  readonly domains: readonly string[]
  readonly users: number
  readonly connections: number
  readonly plan: LoadPlan
}

const MAX_SEALED_AHEAD = 400_000
/** What is older than five minutes is refused by servers. */
const MAX_AHEAD_MS = 180_000

/** A value that is not what it must be, and what to write instead. */
export type Complaint = string

/** All that is wrong with the options, or what they ask for. */
export function readRunOptions(
  raw: RawRunOptions,
): { readonly request: RunRequest } | { readonly complaints: readonly Complaint[] } {
  const complaints: Complaint[] = []
  const complain = (option: string, write: string) => {
    complaints.push(`--${option} is "${text(option, '')}": write ${write}`)
  }
  const text = (option: string, otherwise: string): string => {
    const value = raw[camel(option)]
    return typeof value === 'string' ? value : otherwise
  }
  function one<Value>(
    option: string,
    otherwise: string,
    parse: (text: string) => Value | undefined,
    write: string,
    instead: Value,
  ): Value {
    const value = parse(text(option, otherwise))
    if (value !== undefined) return value
    complain(option, write)
    return instead
  }
  const whole = (option: string, otherwise: number, min: number, max: number) =>
    one(
      option,
      `${otherwise}`,
      (given) => wholeNumber(given, min, max),
      `a whole number from ${min} to ${max}`,
      otherwise,
    )
  const span = (option: string, otherwise: string) =>
    one(option, otherwise, parseDuration, 'a duration: 500ms, 30s, 2m or 1h', 0)
  const choice = <Name extends string>(option: string, names: readonly Name[], first: Name) =>
    one(option, first, (given) => names.find((name) => name === given), names.join(' or '), first)

  const domains = domainsOf(raw['target'])
  const mode: Mode = choice('mode', ['local', 'federated', 'mixed'], 'local')
  const duration = span('duration', '30s')
  const warmupMs = span('warmup', '0s')
  const rate = one(
    'rate',
    '100',
    (given) => parseRate(given, duration + warmupMs),
    'messages a second (1000), max, or steps (300:20s,3000:5s,300:20s)',
    'max' as const,
  )
  const spacing: Spacing = choice('arrivals', ['poisson', 'fixed'], 'poisson')
  const seal = choice('seal', ['inline', 'ahead'], 'inline')
  const recipients = one(
    'recipients',
    '1',
    parseRange,
    'a number (1) or a range (1..5), 100 at most',
    { min: 1, max: 1 },
  )
  const sizes: Sizes = one(
    'size',
    '2k',
    parseSizes,
    'a size (2k), a range (1k..10k) or weighted ones (2k:90,100k:10)',
    defaultPlan.sizes,
  )
  const users = whole('users', 100, 2, 100_000)
  const messages = whole('messages', 1_000_000_000, 1, 1_000_000_000)
  const plan: LoadPlan = {
    mode,
    pace:
      rate === 'max'
        ? { kind: 'max', ms: duration, count: messages }
        : { kind: 'steps', steps: rate, spacing },
    warmupMs,
    recipients,
    sizes,
    submit: choice('submit', ['stream', 'unary'], 'stream'),
    attached: defaultPlan.attached,
    seal,
    inFlight: whole('in-flight', rate === 'max' ? 512 : 100_000, 1, 1_000_000),
    seed: whole('seed', 1, 0, 2 ** 31 - 1),
    drainMs: span('drain', '30s'),
    answerWithinMs: span('answer-within', '15s'),
  }
  const connections = whole('connections', 500, 1, 10_000)
  complaints.push(...contradictions({ domains, users, connections, plan }, raw))
  return complaints.length > 0 ? { complaints } : { request: { domains, users, connections, plan } }
}

/** Values that are right by themselves, and do not go together. */
function contradictions({ domains, users, plan }: RunRequest, raw: RawRunOptions): Complaint[] {
  const { pace, seal, mode, recipients, sizes } = plan
  const complaints: Complaint[] = []
  if (domains.length > 2) complaints.push('--target names more than two domains: write one or two')
  if (domains.length === 1 && mode !== 'local') {
    complaints.push(`--mode ${mode} needs two domains: write --target a.example,b.example`)
  }
  const perDomain = Math.floor(users / (domains.length === 1 ? 1 : 2))
  if (perDomain <= recipients.max) {
    complaints.push(
      `--users ${users} are too few for messages to ${recipients.max} others: write more`,
    )
  }
  if (sizes.some(({ max }) => max > 1_000_000)) {
    complaints.push('--size is over 1000000 bytes: larger ones do not fit into one message')
  }
  if (pace.kind === 'max' && seal === 'ahead' && raw['messages'] === undefined) {
    complaints.push(
      '--rate max with --seal ahead does not know how many to seal: write --messages 20000 too',
    )
  }
  const steps = pace.kind === 'steps' ? pace.steps : []
  const count =
    pace.kind === 'max'
      ? pace.count
      : steps.reduce((sum, { perSecond, ms }) => sum + (perSecond * ms) / 1000, 0)
  const ms = pace.kind === 'max' ? pace.ms : steps.reduce((sum, step) => sum + step.ms, 0)
  if (seal === 'ahead' && (ms > MAX_AHEAD_MS || (raw['messages'] && count > MAX_SEALED_AHEAD))) {
    complaints.push(
      `--seal ahead is for runs of up to ${MAX_AHEAD_MS / 1000} s and ${MAX_SEALED_AHEAD} messages, because servers refuse what was sealed over five minutes ago: write --seal inline`,
    )
  }
  return complaints
}

const domainsOf = (target: RawRunOptions[string]): string[] =>
  (Array.isArray(target) ? target : []).flatMap((part: string) => part.split(',')).filter(Boolean)

/** `max`, a rate for all the time, or rates with how long each holds. */
function parseRate(text: string, ms: number): readonly RateStep[] | 'max' | undefined {
  if (text === 'max') return 'max'
  const steps: RateStep[] = []
  for (const part of text.split(',')) {
    const [rate = '', time] = part.split(':')
    const perSecond = Number(rate)
    const length = time === undefined ? ms : parseDuration(time)
    if (!/^\d+(\.\d+)?$/.test(rate) || perSecond <= 0 || perSecond > 100_000) return undefined
    if (length === undefined || (time === undefined && text.includes(','))) return undefined
    steps.push({ perSecond, ms: length })
  }
  return steps
}

function parseRange(text: string): { min: number; max: number } | undefined {
  const [, low = '', , high = low] = /^(\d{1,3})(\.\.(\d{1,3}))?$/.exec(text) ?? []
  const min = wholeNumber(low, 1, 100)
  const max = wholeNumber(high, 1, 100)
  return min === undefined || max === undefined || max < min ? undefined : { min, max }
}

function wholeNumber(text: string, min: number, max: number): number | undefined {
  const value = Number(text)
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined
}

const camel = (option: string) =>
  option.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
