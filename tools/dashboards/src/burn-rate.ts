import type { Objective } from './objectives.ts'
import type { Rule } from './rule.ts'

/** How many times too fast the budget of 30 days burns, over a long and a short window. */
const speeds = [
  {
    severity: 'page',
    pairs: [
      [14.4, '1h', '5m'],
      [6, '6h', '30m'],
    ],
  },
  {
    severity: 'ticket',
    pairs: [
      [3, '1d', '2h'],
      [1, '3d', '6h'],
    ],
  },
] as const

/**
 * Multi-window burn rates: the long window shows that it matters, the short one that it still goes on.
 * One rule that pages and one that files a ticket.
 */
export const burnRateRules = ({ alert, all, bad, budget, runbook, summary }: Objective): Rule[] =>
  speeds.map(({ pairs, severity }) => ({
    alert,
    severity,
    runbook,
    summary,
    expr: pairs
      .map(([factor, ...windows]) => {
        const burning = windows.map(
          (window) => `${bad(window)} / ${all(window)} > ${Number((factor * budget).toFixed(6))}`,
        )
        return `(${burning.join(' and ')})`
      })
      .join('\nor\n'),
  }))
