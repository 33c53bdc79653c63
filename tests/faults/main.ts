import { parseArgs } from 'node:util'
import { fetchFaketime } from './clocks.ts'
import { fetchDiskTools } from './disks.ts'
import type { Fault, Group } from './fault.ts'
import { groups as allGroups } from './groups.ts'
import { loadNow, loadText } from './machine-load.ts'
import { findPlanted, groupOf, type PlantedBug, planted } from './planted.ts'
import { type Problem, report } from './report.ts'
import { type GroupResult, runGroup } from './run-group.ts'
import { SELECTION_SEED, selection } from './selection.ts'

const usage = `npm run faults -- [options]
  --seed N       the order of faults and everything random in them; left out: another one each time
  --only NAME    the group or the fault of this name alone, or the planted bug
  --skip NAME    all but this group, fault or planted bug; may be given several times
  --planted      only: plant bugs one after the other, and find each
  --selection    what npm test runs, with its seed
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
        skip: { type: 'string', multiple: true, default: [] },
        planted: { type: 'boolean', default: false },
        selection: { type: 'boolean', default: false },
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
  const named = allGroups.flatMap(({ name, faults, about }) => [
    `${name}: ${about}`,
    ...faults.map((fault) => `  ${fault.name}`),
  ])
  return [...named, 'planted bugs', ...planted.map(({ name }) => `  ${name}`)].join('\n')
}

/** Whether everything that was asked for was done, and held. */
async function main(): Promise<boolean> {
  const began = performance.now()
  const { only, skip } = options
  const drawn = options.selection ? SELECTION_SEED : 1 + (Date.now() % 999_999_937)
  const seed = wholeNumber(options.seed ?? `${drawn}`, 'the seed')
  console.log(`seed ${seed}, ${loadText(loadNow())}`)
  await fetchDiskTools(say)
  await fetchFaketime(say)
  const isWanted = (...names: readonly string[]) =>
    (only === undefined || names.includes(only)) && !skip.some((name) => names.includes(name))
  const isChosen = (group: Group) => (fault: Fault) => isWanted(group.name, fault.name)
  const groups = options.selection ? selection() : allGroups
  const chosen = options.planted ? [] : groups.filter((group) => group.faults.some(isChosen(group)))
  const bugs = options.selection ? [] : planted.filter(({ name }) => isWanted(name))
  if (chosen.length + bugs.length === 0) {
    say(`there is nothing of the name '${only}'\n${list()}`)
    return false
  }

  const results: GroupResult[] = []
  const problems: Problem[] = []
  for (const group of chosen) {
    const obstacle = group.obstacle?.()
    if (obstacle !== undefined) {
      problems.push(notPossible(group.name, obstacle))
      continue
    }
    const plan = { seed, long: !options.selection, chosen: isChosen(group), say }
    try {
      const result = await runGroup(group, plan)
      results.push(result)
      say(`${group.name}: ${result.seconds} s, ${result.problems.length} problems`)
    } catch (error) {
      const problem = error instanceof Error ? (error.stack ?? error.message) : String(error)
      problems.push({ name: group.name, problem })
      say(`${group.name}: given up: ${problem}`)
    }
  }
  const { found, ...more } = await plantAll(bugs, seed)
  problems.push(...more.problems)
  if (bugs.length > 0) console.log(`planted bugs found: ${found} of ${bugs.length}`)
  if (skip.length > 0) console.log(`left out, as was asked: ${skip.join(', ')}`)

  const isFull = only === undefined && skip.length === 0 && !options.planted && !options.selection
  return report({
    results,
    problems,
    minimum: isFull ? MINIMUM : undefined,
    isTimed: !options.selection,
    minutes: (performance.now() - began) / 60_000,
    again: (name) =>
      `npm run faults -- ${options.selection ? '--selection ' : ''}--seed ${seed} --only '${name}'`,
  })
}

async function plantAll(bugs: readonly PlantedBug[], seed: number) {
  const obstacles = bugs.flatMap((bug) => {
    const obstacle = groupOf(bug).obstacle?.()
    return obstacle === undefined ? [] : [{ bug, obstacle }]
  })
  const possible = bugs.filter((bug) => !obstacles.some((one) => one.bug === bug))
  const unfound = await findPlanted(possible, { seed, say })
  const problems: readonly Problem[] = [
    ...obstacles.map(({ bug, obstacle }) => notPossible(bug.name, obstacle)),
    ...unfound.map((name) => ({ name, problem: 'the planted bug was not found' })),
  ]
  return { found: possible.length - unfound.length, problems }
}

function notPossible(name: string, obstacle: string): Problem {
  return { name, problem: `NOT POSSIBLE here: ${obstacle}; --skip '${name}' leaves it out` }
}
