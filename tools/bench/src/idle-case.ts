import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startStack } from '@mailx/dev-tool/stack'
import { procWatch } from '@mailx/loadtest-tool/proc-watch'
import type { BenchCase } from './bench-case.ts'
import { lower, median } from './figures.ts'

const root = join(import.meta.dirname, '../../..')
const SECONDS = 20
const MB = 1_000_000

/** A deployment by itself, as it is shipped, with nothing to do. */
export const idleCase: BenchCase = {
  title: 'all-in-one, bundled, idle',
  standard: true,
  async run({ say }) {
    await promisify(execFile)(process.execPath, [join(root, 'tools/build-service.mjs')], {
      cwd: join(root, 'services/all-in-one'),
    })
    const stack = await startStack({
      separate: false,
      bundled: true,
      say,
      tracing: false,
      folder: '.cache/bench-idle',
      deployments: { a: ['a.test'] },
    })
    try {
      const [running] = stack.deployments
      const watch = procWatch([
        { name: 'all-in-one', pid: () => running?.processes[0]?.process.pid },
      ])
      const before = (await watch())['all-in-one']
      const samples: number[] = []
      for (let second = 0; second < SECONDS; second++) {
        await new Promise((resolve) => setTimeout(resolve, 1000))
        samples.push(((await watch())['all-in-one']?.rssBytes ?? 0) / MB)
      }
      const after = (await watch())['all-in-one']
      if (before === undefined || after === undefined) {
        throw new Error('this system does not say how much memory a process holds')
      }
      return {
        figures: {
          RSS: lower(median(samples.slice(-5)), 'MB', 150_000_000 / MB),
          CPU: lower((after.cpuMicros - before.cpuMicros) / SECONDS / 10_000, '% of a core'),
        },
        details: { rssMB: samples.map((sample) => Math.round(sample * 10) / 10) },
      }
    } finally {
      await stack.stop()
    }
  },
}
