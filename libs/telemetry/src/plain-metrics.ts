/**
 * OpenMetrics as the older text format has it: no exemplars, no end mark, and counters named in their
 * headers as in their samples.
 */
export const plainMetrics = (openMetrics: string): string =>
  openMetrics
    .replace(/ # \{[^\n]*$/gm, '')
    .replace(
      /^# HELP (\S+) (.*)\n# TYPE \S+ counter$/gm,
      '# HELP $1_total $2\n# TYPE $1_total counter',
    )
    .replace(/^# EOF\n/m, '')
