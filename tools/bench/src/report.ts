import { isDeepStrictEqual } from 'node:util'
import { MailxError } from '@mailx/errors/mailx-error'
import * as z from 'zod'

const Figure = z.object({
  value: z.number(),
  unit: z.string(),
  better: z.enum(['higher', 'lower']),
  goal: z.number().optional(),
})

const Result = z.object({
  title: z.string(),
  figures: z.record(z.string(), Figure),
  cpuMicrosPerMessage: z.record(z.string(), z.number()).optional(),
  details: z.unknown().optional(),
  /** When and of what, where that is another time than the report's. */
  measured: z.object({ date: z.string(), commit: z.string() }).optional(),
})

/** A file of `bench/results`. */
export const Report = z.object({
  mailxBench: z.literal(1),
  date: z.string(),
  machine: z.record(z.string(), z.unknown()),
  versions: z.record(z.string(), z.unknown()),
  settings: z.record(z.string(), z.unknown()),
  results: z.record(z.string(), Result),
})

export type Report = z.infer<typeof Report>

/**
 * An earlier report with more cases, each with when it was measured. Throws INVALID_ARGUMENT when they
 * are of another machine: one report is of one.
 */
export function withCases(earlier: Report, more: Report): Report {
  if (!isDeepStrictEqual(earlier.machine, more.machine)) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      'the earlier result is of another machine: --add adds to one of this',
    )
  }
  const { commit } = more.versions
  const measured = { date: more.date, commit: typeof commit === 'string' ? commit : 'unknown' }
  const added = Object.entries(more.results).map(
    ([name, result]) => [name, { ...result, measured }] as const,
  )
  return { ...earlier, results: { ...earlier.results, ...Object.fromEntries(added) } }
}
