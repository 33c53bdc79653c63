/** One line of what Prometheus scrapes. */
export type Sample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

/** The samples of Prometheus's text format; comments and what is not a sample are passed over. */
export function parsePrometheus(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = LINE.exec(line) ?? []
    if (name === undefined) return []
    const pairs = [...labels.matchAll(LABEL)].map(([, key = '', quoted = '']) => [
      key,
      quoted.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character)),
    ])
    return [
      { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) },
    ]
  })
}
