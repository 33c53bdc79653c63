import { type OwnStack, startOwnStack } from '@mailx/loadtest-tool/own-stack'
import { type People, registerPeople } from '@mailx/loadtest-tool/people'
import { agedWal } from './aged-wal.ts'
import { startTraceSink } from './trace-sink.ts'

/** What the cases are measured on: a stack of its own, and people who are signed in. */
export type Lab = OwnStack & {
  readonly traces: number
  readonly people: People
  readonly say: (line: string) => void
  /** To be called before something is measured. */
  readonly ready: () => Promise<void>
}

/** Users of both domains together, and connections to each domain that they share at most. */
export const USERS = 200
export const CONNECTIONS = 500

/** Starts it all. Its folder is emptied first. */
export async function openLab(options: {
  readonly folder: string
  readonly profile?: string
  /** Which share of the messages is traced, from 0 to 1. */
  readonly traces: number
  readonly say: (line: string) => void
  /** Of all services. */
  readonly env?: Readonly<Record<string, string>>
  /** Every service is a process of its own. */
  readonly separate?: boolean
  /** Postgres, NATS and Redis take nothing but TLS from the services. */
  readonly tls?: boolean
}): Promise<Lab & { close(): Promise<void> }> {
  const { say, traces } = options
  const sink = traces > 0 ? await startTraceSink(traces) : undefined
  const own = await startOwnStack({ ...options, env: { ...options.env, ...sink?.env } })
  try {
    say(`registering ${USERS} users`)
    const prefix = `bench-${Date.now().toString(36)}-`
    const people = await registerPeople(own.domains, {
      home: own.home,
      connections: CONNECTIONS,
      users: USERS,
      prefix,
    })
    say('letting Postgres age: WAL segments that can be used again')
    const wal = await agedWal(serverUrl(own))
    return {
      ...own,
      people,
      traces,
      say,
      ready: wal.renew,
      async close() {
        people.close()
        await own.stack.stop()
        if (sink !== undefined) say(`services sent ${Math.round(sink.bytes() / 1e6)} MB of traces`)
        sink?.stop()
      },
    }
  } catch (error) {
    await own.stack.stop()
    sink?.stop()
    throw error
  }
}

function serverUrl({ stack }: OwnStack): string {
  const { Postgres } = stack.servers
  if (Postgres === undefined) throw new Error('the stack has no Postgres of its own')
  return Postgres.url
}

/** The users of one domain. */
export const peopleOf = ({ people }: Lab, domain: string): People => ({
  everybody: people.everybody.filter((person) => person.domain === domain),
  close() {},
})

/** Measures on a stack that is set up in another way, which is started for that and stopped again. */
export async function inOwnLab<Result>(
  name: string,
  options: Omit<Parameters<typeof openLab>[0], 'folder' | 'traces'>,
  measure: (lab: Lab) => Promise<Result>,
): Promise<Result> {
  const lab = await openLab({ ...options, folder: `.cache/bench-${name}`, traces: 0 })
  try {
    return await measure(lab)
  } finally {
    await lab.close()
  }
}
