import { MailxError } from '@mailx/errors/mailx-error'

export type Point = { readonly at: number; readonly value: number }
export type Line = { readonly name: string; readonly points: readonly Point[] }

/** Seconds since 1970. */
export type Range = { readonly start: number; readonly end: number; readonly step: number }

type Answer = {
  readonly status: string
  readonly error?: string
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>
      readonly values: readonly (readonly [number, string])[]
    }[]
  }
}

const TIMEOUT_MS = 30_000

/** The lines of a query over a range; `legend` names them as Grafana does. All namespaces are shown. */
export async function queryRange(
  url: string,
  query: { readonly expr: string; readonly legend: string },
  { end, start, step }: Range,
): Promise<Line[]> {
  const expr = query.expr.replaceAll('$namespace', '.*')
  const body = new URLSearchParams({
    query: expr,
    start: `${start}`,
    end: `${end}`,
    step: `${step}`,
  })
  const response = await fetch(`${url}/api/v1/query_range`, {
    method: 'POST',
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const answer = (await response.json()) as Answer
  if (answer.status !== 'success') {
    throw new MailxError('INVALID_ARGUMENT', `Prometheus refuses ${expr}: ${answer.error}`)
  }
  return answer.data.result.map(({ metric, values }) => ({
    name: query.legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '').trim(),
    points: values
      .map(([at, value]) => ({ at, value: Number(value) }))
      .filter(({ value }) => Number.isFinite(value)),
  }))
}
