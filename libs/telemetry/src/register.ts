import { collectProcessMetrics } from './metrics.ts'
import { setProcessService } from './tracer.ts'

export type Telemetry = {
  /** Whether spans are exported. */
  readonly tracing: boolean
  /** Sends what is still queued, for at most `timeoutMs`, and stops exporting. */
  readonly stop: (timeoutMs?: number) => Promise<void>
}

/**
 * Names the process in telemetry, starts the process metrics, and exports spans when the standard
 * variables ask for it (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
 * OTEL_TRACES_EXPORTER or OTEL_CONFIG_FILE; OTEL_SDK_DISABLED=true turns it off). All spans are made
 * by hand: no instrumentation is loaded. Without those variables the SDK is not even imported.
 *
 * OTLP is sent as JSON where OTEL_EXPORTER_OTLP_PROTOCOL does not say otherwise: writing that, which V8
 * does itself, takes a third of the CPU that the SDK takes to write protobuf.
 */
export async function startTelemetry(
  serviceName: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Telemetry> {
  setProcessService(serviceName)
  collectProcessMetrics(serviceName)
  if (!wantsTracing(env)) return { tracing: false, stop: async () => {} }
  // The SDK reads it from there.
  process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = env['OTEL_EXPORTER_OTLP_PROTOCOL'] || 'http/json'
  const { startNodeSdk } = await import('@opentelemetry/sdk-node')
  const sdk = startNodeSdk({
    // What the operator named wins over what the program calls itself.
    ...(env['OTEL_SERVICE_NAME'] || env['OTEL_RESOURCE_ATTRIBUTES']?.includes('service.name=')
      ? {}
      : { resourceAttributes: { 'service.name': serviceName } }),
    // Metrics are Prometheus's and logs are lines on stdout.
    metricReaders: [],
    logRecordProcessors: [],
    ...(env['OTEL_LOG_LEVEL'] ? {} : { logLevel: 'warn' }),
  })
  return { tracing: true, stop: (timeoutMs = 3_000) => withinTime(sdk.shutdown(), timeoutMs) }
}

function wantsTracing(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false
  const exporter = env['OTEL_TRACES_EXPORTER']
  if (exporter === 'none') return false
  return Boolean(
    exporter ||
      env['OTEL_EXPORTER_OTLP_ENDPOINT'] ||
      env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ||
      env['OTEL_CONFIG_FILE'],
  )
}

/** Spans are best effort: a collector that is gone must not hold up the end of a process. */
async function withinTime(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  const done = work.then(
    () => {},
    (error: unknown) => process.stderr.write(`telemetry: could not export: ${String(error)}\n`),
  )
  await Promise.race([done, late])
  clearTimeout(timer)
}
