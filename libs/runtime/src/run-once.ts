import { readConfig } from '@mailx/config/read-config'
import { createLogger, type Logger } from '@mailx/telemetry/logger'
import type * as z from 'zod'
import { failProgram } from './fail-program.ts'
import { isAway, keepTrying } from './keep-trying.ts'
import { stopSignal } from './process-signals.ts'

export type OnceProgram<Shape extends z.ZodRawShape> = {
  readonly name: string
  readonly config: z.ZodObject<Shape>
  /** Called again while it rejects with UNAVAILABLE or DEADLINE_EXCEEDED. */
  readonly work: (config: z.infer<z.ZodObject<Shape>>, logger: Logger) => Promise<unknown>
}

/** The life of a process that does one thing and ends: 0 when it is done, 1 with the reason. */
export async function runOnce<Shape extends z.ZodRawShape>(
  { name, config: schema, work }: OnceProgram<Shape>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  let logger: Logger | undefined
  try {
    const config = readConfig(schema, env)
    const log = createLogger({ service: name, level: 'info' })
    logger = log
    const waiting = { logger: log, signal: stopSignal(log) }
    const trouble = `${name} cannot go on, something it needs is away`
    await keepTrying({ trouble, attempt: () => work(config, log), passes: isAway }, waiting)
    log.info('done')
    process.exit(0)
  } catch (error) {
    failProgram(name, error, logger)
  }
}
