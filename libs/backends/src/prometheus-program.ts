import type { Program } from './find-binary.ts'

/** Prometheus; `promtool` comes with it and lies beside it. */
export const prometheusProgram: Program = {
  title: 'Prometheus',
  names: ['prometheus'],
  variable: 'MAILX_PROMETHEUS',
  minimum: [2, 42, 0],
  aptPackages: ['prometheus'],
  brewFormula: 'prometheus',
}
