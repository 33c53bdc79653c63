import { drawPanel, escape } from './draw-panel.ts'
import type { DashboardFile, PanelFile } from './grafana-file.ts'
import { type Line, queryRange, type Range } from './query-prometheus.ts'

/** A dashboard as one HTML page, and the titles of panels that had no samples. */
export async function dashboardPage(
  dashboard: DashboardFile,
  prometheus: string,
  range: Range,
): Promise<{ readonly html: string; readonly empty: readonly string[] }> {
  const empty: string[] = []
  const parts: string[] = []
  for (const panel of dashboard.panels) {
    if (panel.type === 'row') {
      parts.push(`<h2>${escape(panel.title)}</h2>`)
      continue
    }
    const lines = await linesOf(panel, prometheus, range)
    if (lines.every(({ points }) => points.length === 0)) empty.push(panel.title)
    parts.push(
      `<figure style="grid-column: span ${panel.gridPos.w}"><figcaption><b>${escape(panel.title)}</b> ${escape(panel.description ?? '')}</figcaption>${drawPanel(panel, lines, range)}</figure>`,
    )
  }
  const html = `<!doctype html><meta charset="utf-8"><title>${escape(dashboard.title)}</title>
<style>${style}</style><h1>${escape(dashboard.title)}</h1><main>${parts.join('\n')}</main>\n`
  return { html, empty }
}

async function linesOf(panel: PanelFile, prometheus: string, range: Range): Promise<Line[]> {
  const targets = panel.targets ?? []
  const found = await Promise.all(
    targets.map(({ expr, legendFormat }) =>
      queryRange(prometheus, { expr, legend: legendFormat }, range),
    ),
  )
  return found.flat()
}

const style = `body { font: 14px sans-serif; margin: 16px; background: #f4f5f7; color: #222 }
main { display: grid; grid-template-columns: repeat(24, 1fr); gap: 10px }
h1 { font-size: 20px } h2 { grid-column: span 24; font-size: 15px; margin: 8px 0 0 }
figure { margin: 0; padding: 8px; background: #fff; border: 1px solid #ddd; border-radius: 4px }
figcaption { font-size: 12px; color: #666; min-height: 32px } figcaption b { color: #222; font-size: 13px; display: block }
svg { width: 100%; display: block }`
