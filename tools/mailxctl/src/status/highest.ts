import type { ServiceReport } from './read-services.ts'

/** The highest value of a metric that any process tells. */
export function highest(services: readonly ServiceReport[], name: string): number | undefined {
  const found = services.flatMap(({ samples }) => samples.filter((one) => one.name === name))
  return found.length === 0 ? undefined : Math.max(...found.map(({ value }) => value))
}
