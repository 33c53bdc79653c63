import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findProgram } from './packaged-program.ts'

const run = promisify(execFile)

/** What `kubectl kustomize` makes of a folder. Rejects with its words when it refuses. */
export async function kustomize(folder: string): Promise<string> {
  return (await run(findProgram('kubectl'), ['kustomize', folder])).stdout
}
