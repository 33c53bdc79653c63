import { parser } from '@prometheus-io/lezer-promql'

export type ReadQuery = { readonly errors: readonly string[]; readonly metrics: readonly string[] }

/** What Grafana puts in before it asks. Names of variables inside of strings do not matter. */
const withoutGrafana = (query: string): string =>
  query.replaceAll(/\$\{?__(rate_interval|interval|range)\}?|\$\{?(window|interval)\}?/g, '5m')

/** The names of metrics in a query, and the places where it is no PromQL. */
export function readQuery(query: string): ReadQuery {
  const text = withoutGrafana(query)
  const errors: string[] = []
  const metrics: string[] = []
  parser.parse(text).iterate({
    enter: ({ type, from, to, node }) => {
      if (type.isError) errors.push(`at ${from}: ${text.slice(Math.max(0, from - 20), to + 20)}`)
      // `foo{…}` and a bare `foo`; labels and functions are other nodes.
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') {
        metrics.push(text.slice(from, to))
      }
      if (type.name === 'QuotedLabelName' && node.parent?.name === 'LabelMatchers') {
        metrics.push(text.slice(from + 1, to - 1))
      }
      if (type.name === 'UnquotedLabelMatcher') {
        const [, name] = /^__name__\s*=~?\s*["'](.+)["']$/.exec(text.slice(from, to)) ?? []
        if (name !== undefined) metrics.push(name)
      }
    },
  })
  return { errors, metrics }
}
