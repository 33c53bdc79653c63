/** An alerting rule. */
export type Rule = {
  readonly alert: string
  readonly severity: 'page' | 'ticket'
  /** A file of docs/runbooks, without its ending. */
  readonly runbook: string
  /** One sentence; labels as {{ $labels.peer }}. */
  readonly summary: string
  readonly expr: string
  readonly for?: string
}
