import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of what Grafana imports, the part that a picture needs. */
export type PanelFile = {
  readonly type: 'row' | 'stat' | 'timeseries'
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly w: number; readonly h: number }
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit: string
      readonly thresholds: {
        readonly steps: readonly { readonly color: string; readonly value: number | null }[]
      }
    }
  }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

export type DashboardFile = {
  readonly uid: string
  readonly title: string
  readonly panels: readonly PanelFile[]
}

/** The dashboards of a folder, as the chart ships them. */
export const readDashboards = (folder: string): DashboardFile[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted((a, b) => a.localeCompare(b))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as DashboardFile)
