import { context, isSpanContextValid, trace } from '@opentelemetry/api'
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'
import { noteTrouble } from './recent-troubles.ts'
import { redact, redactText } from './redact.ts'

export { hashAddress } from './address-hash.ts'

/** `logger.info({ fields }, 'what happened')`, as pino; also debug, warn, error, fatal and child. */
export type Logger = PinoLogger

export type LoggerOptions = {
  readonly service: string
  /** trace, debug, info, warn, error, fatal or silent. */
  readonly level?: string
  /** Where lines go; stdout when left out. */
  readonly destination?: DestinationStream
}

/**
 * One JSON object a line: `time` (RFC 3339), `level`, `service`, `trace_id` and `span_id` of the
 * running span, fields, `msg`. Addresses are hashed, secrets and bytes taken out, control characters
 * escaped, so that no input can forge a line.
 */
export function createLogger({ service, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: object) => redact(fields) as Record<string, unknown>,
      bindings: (bindings: object) => redact(bindings) as Record<string, unknown>,
    },
    // Errors are made plain in `redact`.
    serializers: { err: (error: unknown) => error },
    mixin: traceFields,
    hooks: {
      logMethod(this: PinoLogger, args: LogArguments, write: LogWrite, severity: number) {
        const safe = safeArguments(args)
        if (severity >= WARN) note(this.levels.labels[severity] ?? '', safe)
        write.apply(this, safe)
      },
    },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

const WARN = 40

type LogArguments = Parameters<PinoLogger['info']>
type LogWrite = (this: PinoLogger, ...args: LogArguments) => void

/** Texts are redacted like fields; pino would take the message of an error over as it is. */
function safeArguments([first, ...rest]: readonly unknown[]): LogArguments {
  const fields = first instanceof Error ? { err: first } : first
  const { err } = (typeof fields === 'object' && fields !== null ? fields : {}) as { err?: unknown }
  const message = rest.length === 0 && err instanceof Error ? [err.message] : rest
  return [fields, ...message].map((argument) =>
    typeof argument === 'string' ? redactText(argument) : argument,
  ) as unknown as LogArguments
}

function note(level: string, [first, ...rest]: readonly unknown[]): void {
  const fields = typeof first === 'object' && first !== null ? first : {}
  const { err, ...others } = redact(fields) as { err?: { code?: string; message?: string } }
  const message = [first, ...rest].find((one) => typeof one === 'string') ?? err?.message ?? ''
  const cause = err?.message === message ? [] : [err?.code, err?.message]
  const more = err === undefined && Object.keys(others).length > 0 ? [JSON.stringify(others)] : []
  noteTrouble({ level, message, reason: [...cause, ...more].filter(Boolean).join(': ') })
}

function traceFields(): object {
  const spanContext = trace.getSpanContext(context.active())
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return {}
  return { trace_id: spanContext.traceId, span_id: spanContext.spanId }
}
