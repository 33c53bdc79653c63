import { type OwnStack, startOwnStack } from '@mailx/loadtest-tool/own-stack'
import { type People, registerPeople } from '@mailx/loadtest-tool/people'

/** What the cases are measured on: a stack of its own, and people who are signed in. */
export type Lab = OwnStack & {
  readonly people: People
  readonly say: (line: string) => void
}

/** Users of both domains together. */
export const USERS = 200

/** Starts it all. Its folder is emptied first. */
export async function openLab(options: {
  readonly folder: string
  readonly profile?: string
  readonly say: (line: string) => void
}): Promise<Lab & { close(): Promise<void> }> {
  const { say } = options
  const own = await startOwnStack(options)
  try {
    say(`registering ${USERS} users`)
    const prefix = `bench-${Date.now().toString(36)}-`
    const people = await registerPeople(own.domains, {
      home: own.home,
      connections: 500,
      users: USERS,
      prefix,
    })
    return {
      ...own,
      people,
      say,
      async close() {
        people.close()
        await own.stack.stop()
      },
    }
  } catch (error) {
    await own.stack.stop()
    throw error
  }
}

/** The users of one domain. */
export const peopleOf = ({ people }: Lab, domain: string): People => ({
  everybody: people.everybody.filter((person) => person.domain === domain),
  close() {},
})
