import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findPrometheus } from '@mailx/dashboards-tool/render/start-prometheus'
import { beforeAll, describe, expect, test } from 'vitest'
import { type AlertCase, alertCases, caseValues } from './alert-cases.ts'
import { type AlertGroup, alertGroups } from './alert-rules.ts'

const run = promisify(execFile)

const prometheus = await findPrometheus().catch((error: unknown) => {
  process.stderr.write(`Alerts are not tried: ${(error as Error).message}\n`)
  return undefined
})
const promtool = prometheus && join(dirname(prometheus.file), 'promtool')

let groups: readonly AlertGroup[]
beforeAll(async () => {
  groups = await alertGroups('large', caseValues)
})

test('every alert of the chart has a case', () => {
  const named = new Set(alertCases.map(({ alert }) => alert))
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
  expect([...new Set(alerts)].toSorted()).toEqual([...named].toSorted())
})

const annotationsOf = (alert: string, severity: string, summary: string) => {
  const rule = groups
    .flatMap(({ rules }) => rules)
    .find((one) => one.alert === alert && one.labels['severity'] === severity)
  return { summary, runbook_url: rule?.annotations['runbook_url'] ?? 'none' }
}

const samples = (series: AlertCase['bad']) =>
  Object.entries(series).map(([name, values]) => ({ series: name, values }))

const testsOf = ({ alert, bad, fires, good, minute }: AlertCase) => {
  const at = (eval_time: string, exp_alerts: readonly object[]) => ({
    eval_time,
    alertname: alert,
    exp_alerts,
  })
  const all = fires.map(({ labels, severity, summary }) => ({
    exp_labels: { namespace: 'mail', severity, ...labels },
    exp_annotations: annotationsOf(alert, severity, summary),
  }))
  const common = { interval: '1m' }
  return [
    {
      ...common,
      input_series: samples(bad),
      alert_rule_test: [at(`${minute - 1}m`, []), at(`${minute}m`, all)],
    },
    {
      ...common,
      input_series: samples(good),
      alert_rule_test: [at(`${minute}m`, []), at('35m', [])],
    },
  ]
}

/** What promtool says against these cases; empty when they are as they should be. */
async function complaints(cases: readonly AlertCase[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mailx-alerts-'))
  try {
    const files = [...Map.groupBy(cases, ({ alert }) => alert)].map(async ([alert, own]) => {
      // Its own rules alone: others would take their time in each case. JSON is YAML.
      const rules = groups.flatMap((group) => group.rules).filter((one) => one.alert === alert)
      await writeFile(
        join(folder, `${alert}-rules.json`),
        JSON.stringify({ groups: [{ name: alert, rules }] }),
      )
      const tests = own.flatMap(testsOf)
      const rule_files = [`${alert}-rules.json`]
      const file = join(folder, `${alert}-tests.json`)
      await writeFile(file, JSON.stringify({ rule_files, evaluation_interval: '1m', tests }))
      return file
    })
    const args = ['test', 'rules', ...(await Promise.all(files))]
    await run(promtool ?? '', args, { env: { ...process.env, ...prometheus?.env } })
    return ''
  } catch (error) {
    const { message, stderr, stdout } = error as Error & { stderr?: string; stdout?: string }
    return [stdout, stderr, message].join('\n')
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe.skipIf(promtool === undefined)('promtool', () => {
  test('every alert fires on what is bad, when it should and with its sentence, and on nothing good', async () => {
    expect(await complaints(alertCases)).toBe('')
  })

  test('an alert that does not fire, or fires on what is good, is found', async () => {
    const [first] = alertCases
    if (first === undefined) throw new Error('there is no case')
    expect(await complaints([{ ...first, bad: first.good }])).toMatch(/FAILED/)
    expect(await complaints([{ ...first, good: first.bad }])).toMatch(/FAILED/)
    const [firing] = first.fires
    const other = { ...first, fires: [{ ...firing, severity: 'page', summary: 'Else.' } as const] }
    expect(await complaints([other])).toMatch(/FAILED/)
  })
})
