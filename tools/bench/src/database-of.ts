import type { Lab } from './lab.ts'

/** The database of the first or second deployment of the stack. */
export function databaseOf({ stack }: Lab, index: number): string {
  const url = stack.deployments[index]?.deployment.env['DATABASE_URL']
  if (url === undefined) throw new Error(`deployment ${index} has no database`)
  return url
}
