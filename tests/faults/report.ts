import { recoveryLines } from './recovery.ts'
import { countOf, resultTable } from './result-table.ts'
import type { GroupResult } from './run-group.ts'

/** `name` is of the group, the fault or the planted bug that it is about. */
export type Problem = { readonly name: string; readonly problem: string }

type Reported = {
  readonly results: readonly GroupResult[]
  /** Beside those in the results. */
  readonly problems: readonly Problem[]
  /** How many faults and messages there have to be. */
  readonly minimum: { readonly faults: number; readonly accepted: number } | undefined
  /** Whether a recovery that took longer than is promised is a failure. */
  readonly isTimed: boolean
  readonly minutes: number
  /** The command that runs what is of the name again. */
  readonly again: (name: string) => string
}

/** Says what was done and how it went. Whether everything held. */
export function report(all: Reported): boolean {
  const { results, minimum, isTimed, minutes, again } = all
  if (results.length > 0) console.log(`\n${resultTable(results)}\n`)
  const faults = results.reduce((sum, { injected }) => sum + countOf(injected), 0)
  const accepted = results.reduce((sum, result) => sum + result.accepted, 0)
  console.log(
    `${faults} faults injected, ${accepted} messages accepted in ${minutes.toFixed(1)} min; ${findingsOf(results)}`,
  )
  const problems = [
    ...all.problems,
    ...results.flatMap(({ group, problems: own }) =>
      own.map((problem) => ({ name: group.name, problem })),
    ),
  ]
  for (const { name, text, isKept } of recoveryLines(results)) {
    console.log(text)
    if (isTimed && !isKept) problems.push({ name, problem: text })
  }
  for (const { name, problem } of problems) {
    console.log(`\nFAILED: ${name}: ${problem}`)
    console.log(`again: ${again(name)}`)
  }
  const isEnough =
    minimum === undefined || (faults >= minimum.faults && accepted >= minimum.accepted)
  if (!isEnough) {
    console.log(
      `FAILED: there have to be ${minimum.faults} faults and ${minimum.accepted} messages`,
    )
  }
  return problems.length === 0 && isEnough
}

function findingsOf(results: readonly GroupResult[]): string {
  const sums = new Map<string, number>()
  for (const { findings } of results) {
    for (const [name, count] of Object.entries(findings)) {
      sums.set(name, (sums.get(name) ?? 0) + count)
    }
  }
  return [...sums].map(([name, count]) => `${count} ${name}`).join(', ')
}
