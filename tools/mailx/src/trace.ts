import { startTelemetry } from '@mailx/telemetry/register'
import { withSpan } from '@mailx/telemetry/tracer'
import { SpanKind } from '@opentelemetry/api'

/**
 * Runs a command inside one span, the first of the trace that follows a message through all services.
 * Spans are exported when the standard OTEL_ variables say where to.
 */
export async function traceCommand<Result>(
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const telemetry = await startTelemetry('mailx-cli')
  try {
    return await withSpan(`mailx ${name}`, { kind: SpanKind.INTERNAL }, work)
  } finally {
    await telemetry.stop()
  }
}
