import { startPrometheus } from '@mailx/dashboards-tool/render/start-prometheus'
import { eventually } from '@mailx/testing/eventually'
import { expect } from 'vitest'
import { alertGroups } from '../chart/alert-rules.ts'

/** The alerts of the chart, asked of a Prometheus that watches; without their `for`. */
export type Alarms = {
  /** Resolves when the alert's expression holds. */
  readonly fires: (alert: string) => Promise<void>
  /** Resolves when it holds no longer. */
  readonly ends: (alert: string) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Some alerts wait for a minute by themselves. */
const patience = { timeoutMs: 100_000, everyMs: 250 }

/** A database of a test is larger than this disk. */
const values = { postgres: { diskSize: '1Mi' } }

type Answer = { readonly data?: { readonly result: readonly object[] }; readonly error?: string }

/**
 * Watches ops ports as the chart's namespace. On a machine that can have no Prometheus this is said, and
 * no alert is asked.
 */
export async function alarmsOver(targets: readonly string[]): Promise<Alarms> {
  const [groups, prometheus] = await Promise.all([
    alertGroups('minimal', values),
    startPrometheus(targets, { namespace: 'mail' }).catch((error: unknown) => {
      process.stderr.write(`No alert is asked: ${(error as Error).message}\n`)
      return undefined
    }),
  ])
  const rules = groups.flatMap((group) => group.rules)
  const holds = async (alert: string): Promise<boolean> => {
    const expressions = rules.filter((rule) => rule.alert === alert).map(({ expr }) => expr)
    if (expressions.length === 0) throw new Error(`the chart has no alert ${alert}`)
    const answers = expressions.map(async (expr) => {
      const body = new URLSearchParams({ query: expr })
      const response = await fetch(`${prometheus?.url}/api/v1/query`, { method: 'POST', body })
      const { data, error } = (await response.json()) as Answer
      if (data === undefined) throw new Error(`${expr}: ${error}`)
      return data.result.length > 0
    })
    return (await Promise.all(answers)).includes(true)
  }
  const becomes = (wanted: boolean) => async (alert: string) => {
    if (prometheus === undefined) return
    await eventually(
      async () => expect({ [alert]: await holds(alert) }).toEqual({ [alert]: wanted }),
      patience,
    )
  }
  return {
    fires: becomes(true),
    ends: becomes(false),
    stop: async () => prometheus?.stop(),
  }
}
