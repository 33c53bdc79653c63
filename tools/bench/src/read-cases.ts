import { listChanges, readMessages } from '@mailx/client/mailbox'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Circle } from '@mailx/loadtest-tool/circles'
import { type Person, returningPeople } from '@mailx/loadtest-tool/people'
import type { BenchCase } from './bench-case.ts'
import { higher, lower, median } from './figures.ts'
import { type Lab, peopleOf } from './lab.ts'
import { atMost, measureLoad } from './measure-load.ts'

const ROUNDS = 5

/** A client that comes back: connects, signs in, lists, fetches, and opens every message. */
export const readCases: Readonly<Record<string, BenchCase>> = {
  'sync-100': {
    title:
      'a client comes back to 100 new messages: connect, sign in, list, fetch, decrypt, verify',
    standard: true,
    async run(lab) {
      const rounds: number[] = []
      for (let round = 0; round < ROUNDS; round++) rounds.push(await comeBack(lab, 100))
      return {
        figures: {
          median: lower(median(rounds), 'ms', 1000),
          longest: lower(Math.max(...rounds), 'ms'),
        },
      }
    },
  },
  'catch-up': {
    title: 'a client that is 10,000 messages behind, the same',
    standard: true,
    async run(lab) {
      const ms = await comeBack(lab, 10_000)
      return {
        figures: { time: lower(ms / 1000, 's'), messages: higher((10_000 / ms) * 1000, '/s') },
      }
    },
  },
}

/** Sends so many messages to somebody, and resolves with how many milliseconds it took them to read all. */
async function comeBack(lab: Lab, count: number): Promise<number> {
  const { everybody } = peopleOf(lab, lab.domains[0] ?? '')
  const [reader, ...others] = everybody
  if (reader === undefined) throw new Error('nobody reads')
  const { cursor } = await listChanges(reader.account, new Uint8Array())
  const writing: Circle<Person>[] = others
    .slice(0, 50)
    .map((sender) => ({ sender, others: [reader] }))
  const { inFlight } = atMost(count)
  const pace = { kind: 'max', ms: 120_000, count } as const
  await measureLoad(lab, { pace, inFlight, writing })

  const began = performance.now()
  const back = await returningPeople([reader.account.keyring], { home: lab.home, connections: 1 })
  try {
    const [person] = back.everybody
    if (person === undefined) throw new Error('nobody came back')
    const { entries } = await listChanges(person.account, cursor)
    const read = await readMessages(
      person.account,
      entries.map(({ messageId }) => messageId),
    )
    const opened = read.filter((message) => 'opened' in message)
    if (opened.length !== count) {
      throw new MailxError('INTERNAL', `${opened.length} of ${count} messages could be read`)
    }
    return performance.now() - began
  } finally {
    back.close()
  }
}
