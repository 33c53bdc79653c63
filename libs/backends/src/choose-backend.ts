import { MailxError } from '@mailx/errors/mailx-error'
import type { Backend, Say } from './backend.ts'
import { dockerProblem } from './docker.ts'
import { type BackendKind, howToGet, kinds } from './how-to-get.ts'

type Ways<Tool> = {
  readonly own: boolean
  /** What this machine needs to run the server itself; throws with the reason when there is none. */
  find(): Promise<Tool>
  start(tool: Tool): Promise<Backend>
  startInDocker(): Promise<Backend>
  /** As `dockerProblem`, which is asked when this is left out. */
  engineProblem?(): Promise<string | undefined>
}

/**
 * A server by its URL in the environment, else on this machine, else in Docker. MAILX_BACKENDS
 * limits the choice to `local` or `docker`. A server that is there but does not start is an error,
 * never a reason to take another one.
 */
export async function chooseBackend<Tool>(
  kind: BackendKind,
  say: Say,
  ways: Ways<Tool>,
): Promise<Backend> {
  const { title, variable } = kinds[kind]
  const url = process.env[variable]
  if (!ways.own && url !== undefined && url !== '') {
    say(`${title}: the server of ${variable}`)
    return givenBackend(url, variable)
  }
  const mode = readMode()
  const problems: string[] = []
  if (mode !== 'docker') {
    const tool = await ways.find().catch((error: unknown) => {
      problems.push(...(error instanceof Error ? error.message : String(error)).split('\n'))
      return undefined
    })
    if (tool !== undefined) return ways.start(tool)
  }
  if (mode !== 'local') {
    const problem = await (ways.engineProblem ?? dockerProblem)()
    if (problem === undefined) return ways.startInDocker()
    problems.push(problem)
  }
  throw new MailxError('UNAVAILABLE', howToGet(kind, problems))
}

function readMode(): 'auto' | 'local' | 'docker' {
  const mode = process.env.MAILX_BACKENDS || 'auto'
  if (mode === 'auto' || mode === 'local' || mode === 'docker') return mode
  throw new MailxError(
    'INVALID_ARGUMENT',
    `MAILX_BACKENDS is '${mode}': it may be auto, local or docker`,
  )
}

function givenBackend(url: string, variable: string): Backend {
  const notOurs = () =>
    Promise.reject(
      new MailxError('FAILED_PRECONDITION', `the server of ${variable} is not MailX's to end`),
    )
  return {
    url,
    port: Number(new URL(url).port),
    source: variable,
    pid: undefined,
    stop: async () => {},
    kill: notOurs,
    restart: notOurs,
  }
}
