import { parseArgs } from 'node:util'
import type { Fault, Group } from './fault.ts'
import { groups } from './groups.ts'
import { findPlanted, planted } from './planted.ts'
import { recoveryLines } from './recovery.ts'
import { countOf, resultTable } from './result-table.ts'
import { type GroupResult, runGroup } from './run-group.ts'

const usage = `npm run faults -- [options]
  --seed N       the order of faults and everything random in them; left out: another one each time
  --only NAME    the group or the fault of this name alone, or the planted bug
  --planted      only: plant bugs one after the other, and find each
  --list         names of all groups, faults and planted bugs`

const MINIMUM = { faults: 200, accepted: 50_000 }

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const options = readOptions()

const wholeNumber = (text: string, what: string): number => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  say(`${what} is a whole number from 1\n${usage}`)
  process.exit(2)
}

if (options.help) console.log(usage)
else if (options.list) console.log(list())
// Not left to end by itself: V8 may still compile for an idle process then, and Node waits for that for
// ever now and then (nodejs/node#54918).
else process.exit((await main()) ? 0 : 1)

function readOptions() {
  try {
    return parseArgs({
      options: {
        seed: { type: 'string' },
        only: { type: 'string' },
        planted: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
    process.exit(2)
  }
}

function list(): string {
  const named = groups.flatMap(({ name, faults, about }) => [
    `${name}: ${about}`,
    ...faults.map((fault) => `  ${fault.name}`),
  ])
  return [...named, 'planted bugs', ...planted.map(({ name }) => `  ${name}`)].join('\n')
}

async function main(): Promise<boolean> {
  const { only } = options
  const seed = wholeNumber(options.seed ?? `${1 + (Date.now() % 999_999_937)}`, 'the seed')
  console.log(`seed ${seed}`)
  const began = performance.now()
  const isChosen = (group: Group) => (fault: Fault) =>
    only === undefined || only === group.name || only === fault.name
  const chosen = options.planted ? [] : groups.filter((group) => group.faults.some(isChosen(group)))
  const bugs = planted.filter(({ name }) => only === undefined || only === name)
  if (chosen.length + bugs.length === 0) {
    say(`there is nothing of the name '${only}'\n${list()}`)
    return false
  }
  const results: GroupResult[] = []
  const obstacles: string[] = []
  const broken: { readonly name: string; readonly problem: string }[] = []
  for (const group of chosen) {
    const obstacle = group.obstacle?.()
    if (obstacle !== undefined) {
      const count = group.faults.reduce(
        (sum, { counts = 1, rounds = 1 }) => sum + counts * rounds,
        0,
      )
      obstacles.push(`${count} faults of '${group.name}' could not be injected here: ${obstacle}`)
      continue
    }
    const plan = { seed, long: true, chosen: isChosen(group), say }
    try {
      const result = await runGroup(group, plan)
      results.push(result)
      say(`${group.name}: ${result.seconds} s, ${result.problems.length} problems`)
    } catch (error) {
      const problem = error instanceof Error ? (error.stack ?? error.message) : String(error)
      broken.push({ name: group.name, problem })
      say(`${group.name}: given up: ${problem}`)
    }
  }
  const unfound = await findPlanted(bugs, { seed, say })

  if (results.length > 0) console.log(`\n${resultTable(results)}\n`)
  const faults = results.reduce((sum, { injected }) => sum + countOf(injected), 0)
  const accepted = results.reduce((sum, result) => sum + result.accepted, 0)
  const minutes = ((performance.now() - began) / 60_000).toFixed(1)
  console.log(
    `${faults} faults injected, ${accepted} messages accepted in ${minutes} min; ${findingsOf(results)}`,
  )
  console.log(`planted bugs found: ${bugs.length - unfound.length} of ${bugs.length}`)
  for (const obstacle of obstacles) console.log(`NOT POSSIBLE: ${obstacle}`)
  const found = results.flatMap(({ group, problems: own }) =>
    own.map((problem) => ({ name: group.name, problem })),
  )
  const problems = [...broken, ...found]
  for (const line of recoveryLines(results)) {
    console.log(line.text)
    if (!line.isKept) problems.push({ name: line.name, problem: line.text })
  }
  for (const name of unfound) problems.push({ name, problem: 'the planted bug was not found' })
  for (const { name, problem } of problems) {
    console.log(`\nFAILED: ${name}: ${problem}`)
    console.log(`again: npm run faults -- --seed ${seed} --only '${name}'`)
  }
  const isFull = only === undefined && !options.planted && obstacles.length === 0
  if (isFull && (faults < MINIMUM.faults || accepted < MINIMUM.accepted)) {
    console.log(
      `FAILED: there have to be ${MINIMUM.faults} faults and ${MINIMUM.accepted} messages`,
    )
    return false
  }
  return problems.length === 0
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
