import { stringify } from 'yaml'
import { alertGroups, ruleFile } from './alerts.ts'
import { dashboards } from './dashboards.ts'
import { grafanaDashboard } from './grafana.ts'

const HEADER =
  '# Made by `npm run dashboards -- generate` out of tools/dashboards. Change it there.\n'

/** What lies in the chart: contents by path from the root. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const dashboard of dashboards) {
    const text = JSON.stringify(grafanaDashboard(dashboard), undefined, 2)
    files.set(`charts/mailx/dashboards/${dashboard.id}.json`, `${text}\n`)
  }
  for (const [name, rules] of Object.entries(alertGroups)) {
    const text = stringify(ruleFile(name, rules), { lineWidth: 0 })
    files.set(`charts/mailx/alerts/${name}.yaml`, `${HEADER}${text}`)
  }
  return files
}
