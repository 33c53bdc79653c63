import type { Lab } from './lab.ts'

/** The owner's way into the database of the first or second deployment of the stack. */
export function databaseOf({ stack }: Lab, index: number): string {
  const url = stack.deployments[index]?.deployment.ownerEnv['MIGRATION_DATABASE_URL']
  if (url === undefined) throw new Error(`deployment ${index} has no database`)
  return url
}
