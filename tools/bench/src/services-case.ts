import type { BenchCase } from './bench-case.ts'
import type { Figure } from './figures.ts'
import { inOwnLab } from './lab.ts'
import { atMost, type Load, measureLoad, outcomeOf, throughput } from './measure-load.ts'
import { warmUp } from './warm-up.ts'

const loads: Readonly<Record<string, Load>> = {
  local: atMost(15_000),
  federated: { mode: 'federated', ...atMost(10_000) },
}

/** What all of least privilege costs: nothing here is shared by two services but the servers. */
export const servicesCase: BenchCase = {
  title:
    'every service a process with a role and an nkey of its own, mutual TLS between them, TLS to Postgres, NATS and Redis; local and federated, as fast as it goes',
  standard: false,
  run: ({ say }) =>
    inOwnLab('services', { say, separate: true, tls: true }, async (lab) => {
      await warmUp(lab)
      const figures: Record<string, Figure> = {}
      const details: Record<string, unknown> = {}
      for (const [name, load] of Object.entries(loads)) {
        const result = await measureLoad(lab, load)
        const outcome = outcomeOf(result, throughput(result))
        for (const [figure, of] of Object.entries(outcome.figures)) {
          figures[`${figure}, ${name}`] = of
        }
        details[name] = { ...outcome, figures: undefined }
      }
      return { figures, details }
    }),
}
