import type { Dashboard, Panel } from './dashboard.ts'

const HEIGHT = 7
const STAT_HEIGHT = 5
const datasource = { type: 'prometheus', uid: '${datasource}' }

/** A dashboard as Grafana imports it (schema 39, Grafana 10 and newer). */
export function grafanaDashboard({ id, rows, title }: Dashboard): object {
  const panels: object[] = []
  let nextId = 1
  let y = 0
  for (const row of rows) {
    panels.push({
      id: nextId++,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { h: 1, w: 24, x: 0, y: y++ },
    })
    let x = 0
    let height = 0
    for (const panel of row.panels) {
      const { columns: w = 8 } = panel
      const h = panel.kind === 'stat' ? STAT_HEIGHT : HEIGHT
      if (x + w > 24) {
        y += height
        x = 0
        height = 0
      }
      panels.push(grafanaPanel(panel, nextId++, { h, w, x, y }))
      x += w
      height = Math.max(height, h)
    }
    y += height
  }
  return {
    uid: `mailx-${id}`,
    title,
    tags: ['mailx'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: variables },
    panels,
  }
}

const variables = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
  {
    name: 'namespace',
    label: 'Namespace',
    type: 'query',
    datasource,
    query: { query: 'label_values(mailx_ready, namespace)', refId: 'namespace' },
    refresh: 2,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  },
]

const grafanaPanel = (panel: Panel, id: number, gridPos: object): object => ({
  id,
  type: panel.kind === 'stat' ? 'stat' : 'timeseries',
  title: panel.title,
  description: panel.about,
  datasource,
  gridPos,
  fieldConfig: {
    defaults: {
      unit: panel.unit,
      min: panel.unit === 'dateTimeFromNow' ? undefined : 0,
      thresholds: thresholdsOf(panel),
    },
    overrides: [],
  },
  options:
    panel.kind === 'stat'
      ? { colorMode: 'value', reduceOptions: { calcs: ['lastNotNull'] } }
      : {
          tooltip: { mode: 'multi', sort: 'desc' },
          legend: { displayMode: 'list', placement: 'bottom' },
        },
  targets: panel.queries.map(({ expr, legend }, index) => ({
    refId: String.fromCodePoint(65 + index),
    expr,
    legendFormat: legend,
    exemplar: expr.includes('_bucket'),
    datasource,
  })),
})

function thresholdsOf({ redBelow, redFrom }: Panel): object {
  const base = { value: null }
  const steps =
    redBelow !== undefined
      ? [
          { ...base, color: 'red' },
          { color: 'green', value: redBelow },
        ]
      : redFrom !== undefined
        ? [
            { ...base, color: 'green' },
            { color: 'red', value: redFrom },
          ]
        : [{ ...base, color: 'green' }]
  return { mode: 'absolute', steps }
}
