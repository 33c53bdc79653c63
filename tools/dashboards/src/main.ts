import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { generatedFiles } from './generated-files.ts'
import { dashboardPage } from './render/dashboard-page.ts'
import { readDashboards } from './render/grafana-file.ts'
import { startPrometheus } from './render/start-prometheus.ts'

const root = join(import.meta.dirname, '..', '..', '..')

const usage = `Dashboards and alerts of MailX.

  npm run dashboards                  draw all dashboards from live metrics, as HTML
  npm run dashboards -- generate      write charts/mailx/dashboards and charts/mailx/alerts

  --prometheus <url>   ask this one, for the last hour
  --scrape <targets>   without one: run the machine's own over these ops ports, separated by commas
                       (default: ALL_OPS_URLS, as \`source .cache/dev/env\` sets it)
  --seconds <n>        how long it scrapes before the pages are drawn (default 60)
  --out <folder>       where the pages go (default .cache/dashboards)
`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    prometheus: { type: 'string' },
    scrape: { type: 'string', default: process.env['ALL_OPS_URLS'] ?? '' },
    seconds: { type: 'string', default: '60' },
    out: { type: 'string', default: '.cache/dashboards' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(usage)
else if (positionals[0] === 'generate') generate()
else if (values.prometheus !== undefined) await draw(values.prometheus, 3600)
else if (values.scrape !== '') await scrapeAndDraw()
else {
  process.stderr.write(`${usage}\nSay where metrics are: --prometheus or --scrape.\n`)
  process.exitCode = 2
}

function generate(): void {
  for (const [path, text] of generatedFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    process.stdout.write(`${path}\n`)
  }
}

async function scrapeAndDraw(): Promise<void> {
  const targets = values.scrape.split(',').map((url) => url.replace(/^https?:\/\//, ''))
  const seconds = Number(values.seconds)
  const prometheus = await startPrometheus(targets)
  process.stderr.write(`scraping ${targets.join(', ')} for ${seconds} s (${prometheus.url})\n`)
  try {
    await new Promise((resolved) => setTimeout(resolved, seconds * 1000))
    await draw(prometheus.url, seconds)
  } finally {
    await prometheus.stop()
  }
}

async function draw(prometheus: string, seconds: number): Promise<void> {
  const end = Math.floor(Date.now() / 1000)
  const range = { start: end - seconds, end, step: Math.max(1, Math.floor(seconds / 120)) }
  const out = resolve(values.out)
  mkdirSync(out, { recursive: true })
  for (const dashboard of readDashboards(join(root, 'charts', 'mailx', 'dashboards'))) {
    const { empty, html } = await dashboardPage(dashboard, prometheus, range)
    const file = join(out, `${dashboard.uid}.html`)
    writeFileSync(file, html)
    const note = empty.length === 0 ? '' : `  without samples: ${empty.join(', ')}`
    process.stdout.write(`${file}${note}\n`)
  }
}
