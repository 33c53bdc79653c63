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
