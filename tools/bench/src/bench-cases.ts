import type { BenchCase } from './bench-case.ts'
import { growthCases } from './growth-cases.ts'
import { idleCase } from './idle-case.ts'
import { loadCases } from './load-cases.ts'
import { memoryCase } from './memory-case.ts'
import { overloadCase } from './overload-case.ts'
import { readCases } from './read-cases.ts'
import { rebuildCase } from './rebuild-case.ts'
import { servicesCase } from './services-case.ts'

/** By the name that `--only` takes, in the order in which they run. */
export const cases: Readonly<Record<string, BenchCase>> = {
  ...loadCases,
  ...readCases,
  rebuild: rebuildCase,
  idle: idleCase,
  ...growthCases,
  memory: memoryCase,
  overload: overloadCase,
  services: servicesCase,
}

/** For people. */
export const listed = Object.entries(cases)
  .map(([name, { title, standard }]) => `  ${standard ? ' ' : '*'} ${name.padEnd(16)}${title}`)
  .join('\n')
