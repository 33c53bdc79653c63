import type { LoadResult } from '../load-result.ts'
import { escapeHtml } from './escape-html.ts'
import { linear, shown, ticksTo } from './scale.ts'

const WIDTH = 260
const HEIGHT = 44

type Sample = { readonly at: number; readonly cpu: number; readonly rss: number }

/** A row for each process with its CPU and memory over time, all to the same scales. */
export function processRows({ intervals, measured }: LoadResult): string {
  const names = [...new Set(intervals.flatMap(({ processes }) => Object.keys(processes)))]
  if (names.length === 0) {
    return '<p class="none">No process was watched.</p>'
  }
  const samples = new Map(
    names.map((name) => [
      name,
      intervals.flatMap(({ at, processes }): Sample[] => {
        const use = processes[name]
        return use ? [{ at, cpu: use.cpuPercent, rss: use.rssMiB }] : []
      }),
    ]),
  )
  const all = [...samples.values()].flat()
  const seconds = Math.max(1, ...all.map(({ at }) => at))
  const cpuTop = ticksTo(Math.max(...all.map(({ cpu }) => cpu)), 2).at(-1) ?? 100
  const rssTop = ticksTo(Math.max(...all.map(({ rss }) => rss)), 2).at(-1) ?? 100
  const rows = [...samples].map(([name, own]) => {
    const peak = Math.max(0, ...own.map(({ rss }) => rss))
    const micros = measured.cpuPerMessage[name]
    return `<tr><th scope="row">${escapeHtml(name)}</th>
<td class="n">${micros === undefined ? '' : shown(micros)}</td>
<td>${area(own, ({ cpu }) => cpu, { seconds, top: cpuTop, colour: 1, label: `CPU of ${name}` })}</td>
<td class="n">${shown(own[0]?.rss ?? 0)}</td>
<td class="n">${shown(own.at(-1)?.rss ?? 0)}</td>
<td class="n">${shown(peak)}</td>
<td>${area(own, ({ rss }) => rss, { seconds, top: rssTop, colour: 3, label: `memory of ${name}` })}</td></tr>`
  })
  const total = Object.values(measured.cpuPerMessage).reduce((sum, one) => sum + one, 0)
  return `<div class="wide"><table class="processes"><thead><tr><th scope="col">process</th><th scope="col" class="n">CPU µs a message</th><th scope="col">CPU, 0 to ${shown(cpuTop)} % of a core</th><th scope="col" class="n">first MiB</th><th scope="col" class="n">last</th><th scope="col" class="n">peak</th><th scope="col">resident memory, 0 to ${shown(rssTop)} MiB</th></tr></thead>
<tbody>${rows.join('\n')}</tbody><tfoot><tr><th scope="row">together</th><td class="n">${shown(total)}</td><td colspan="5"></td></tr></tfoot></table></div>`
}

function area(
  samples: readonly Sample[],
  value: (sample: Sample) => number,
  look: {
    readonly seconds: number
    readonly top: number
    readonly colour: number
    readonly label: string
  },
): string {
  const x = linear([0, look.seconds], [0, WIDTH])
  const y = linear([0, look.top], [HEIGHT - 1, 2])
  const points = samples.map(
    (sample) => `${x(sample.at).toFixed(1)},${y(value(sample)).toFixed(1)}`,
  )
  const [first, last] = [samples[0], samples.at(-1)]
  const floor = `${x(last?.at ?? 0).toFixed(1)},${HEIGHT} ${x(first?.at ?? 0).toFixed(1)},${HEIGHT}`
  return `<svg class="small" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(look.label)}"><polygon class="area a${look.colour}" points="${points.join(' ')} ${floor}"/><polyline class="line s${look.colour}" points="${points.join(' ')}"/></svg>`
}
