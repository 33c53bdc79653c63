import type { Account } from '@mailx/client/account'
import type { HomeOptions } from '@mailx/client/find-home'
import { listChanges, readAttachment, readMessages } from '@mailx/client/mailbox'
import { signedIn } from '@mailx/client/session'
import type { Attachment } from '@mailx/envelope/payload-attachment'
import { MailxError } from '@mailx/errors/mailx-error'
import type { DeliveryState, MessageStatus } from '@mailx/proto/storage/v1/storage_service'
import { attachmentOf, type Bodies, bodies, subjectOf } from './bodies.ts'
import { inParallel } from './in-parallel.ts'
import { readJournal } from './journal.ts'
import { type JournaledMessage, journalMessages } from './journal-messages.ts'
import { keyringsOf, readKeyrings } from './keyrings.ts'
import { keyOf } from './message.ts'
import { patiently } from './passing.ts'
import { pause } from './pause.ts'
import { type People, type Person, returningPeople } from './people.ts'
import { copyKey, judge, type Verdict } from './verdict.ts'

export type VerifyOptions = {
  readonly journal: string
  readonly home: HomeOptions
  /** How long to wait for copies that are not there yet. */
  readonly settleMs: number
  /** The run's users, where they are connected; else their keyrings beside the journal are used. */
  readonly people?: People
  readonly say?: (line: string) => void
  readonly onProgress?: (done: number, total: number) => void
}

export type Verified = Verdict & {
  readonly runId: string
  /** Whether the journal says that the run came to its end. */
  readonly ended: boolean
  readonly tornBytes: number
}

const AT_ONCE = 8
const PATIENCE_MS = 3 * 60_000
const STATUSES = 100
const CONNECTIONS = 100

/**
 * Reads every recipient's mailbox as the recipient would, and compares it with the journal. Resolves
 * with the verdict; rejects when the journal, the keyrings or a server cannot be read.
 *
 * 1. List the mailboxes from where they ended before the run, until every accepted copy is there or its
 *    sender was told that it bounced, or `settleMs` is over.
 * 2. Ask what the senders were told of every copy.
 * 3. Fetch, decrypt and check every message, and compare it with what was written.
 */
export async function verifyJournal(options: VerifyOptions): Promise<Verified> {
  const { journal: path, home, say = () => {} } = options
  const { run, records, tornBytes } = readJournal(path)
  const { messages, cursors, ended } = journalMessages(records)
  const people =
    options.people ??
    (await returningPeople(await readKeyrings(keyringsOf(path)), {
      home,
      connections: CONNECTIONS,
    }))
  try {
    const persons = new Map(people.everybody.map((person) => [person.user, person]))
    const personOf = (user: number): Person => {
      const person = persons.get(user)
      if (person && person.address === run.users[user]) return person
      throw new MailxError('INVALID_ARGUMENT', `there is no keyring of ${run.users[user]}`)
    }
    const addresses = [...run.users, ...run.absent]
    say(`reading ${cursors.size} mailboxes`)
    const boxes = [...cursors].map(([user, cursor]) => ({
      person: personOf(user),
      cursor,
      ids: [] as Uint8Array[],
    }))
    const told = new Map<string, Told>()
    const deadline = Date.now() + options.settleMs
    for (;;) {
      await inParallel(AT_ONCE, boxes, readOn)
      const missing = missingCopies(messages, boxes)
      await askSenders(missing, personOf, addresses, told)
      const open = missing.filter(({ copy }) => told.get(copy)?.state !== 'bounced')
      if (open.length === 0 || Date.now() >= deadline) break
      say(`waiting for ${open.length} copies`)
      await pause(500, AbortSignal.timeout(options.settleMs))
    }
    const accepted = messages.filter(({ outcome }) => outcome === 'accepted')
    await askSenders(copiesOf(accepted), personOf, addresses, told)
    const damage = new Map<string, string>()
    const strangers: { readonly user: number; readonly id: Uint8Array }[] = []
    const known = new Map(messages.map((message) => [keyOf(message.id), message]))
    const body = bodies(run.seed)
    let done = 0
    const total = boxes.reduce((sum, { ids }) => sum + ids.length, 0)
    await inParallel(AT_ONCE, boxes, async (box) => {
      const { person } = box
      for (const [key, reason] of await check(box, known, { runId: run.runId, body })) {
        if (known.has(key)) damage.set(copyKey(key, person.user), reason)
        else strangers.push({ user: person.user, id: Buffer.from(key, 'latin1') })
      }
      done += box.ids.length
      options.onProgress?.(done, total)
    })
    const mailboxes = new Map(boxes.map(({ person, ids }) => [person.user, ids]))
    const verdict = judge({
      submit: run.submit,
      ended,
      users: addresses,
      isAbsent: (user) => user >= run.users.length,
      messages,
      mailboxes,
      strangers,
      damage,
      told,
    })
    return { ...verdict, runId: run.runId, ended, tornBytes }
  } finally {
    if (options.people === undefined) people.close()
  }
}

type Box = { readonly person: Person; cursor: Uint8Array; readonly ids: Uint8Array[] }

async function readOn(box: Box): Promise<void> {
  const changes = await patiently(
    () => listChanges(box.person.account, box.cursor),
    Date.now() + PATIENCE_MS,
  )
  box.cursor = changes.cursor
  for (const { messageId, deleted } of changes.entries) if (!deleted) box.ids.push(messageId)
}

type Copy = { readonly message: JournaledMessage; readonly user: number; readonly copy: string }
type Told = { readonly state: string; readonly code: string }

const copiesOf = (messages: readonly JournaledMessage[]): Copy[] =>
  messages.flatMap((message) =>
    message.recipients.map((user) => ({ message, user, copy: copyKey(keyOf(message.id), user) })),
  )

function missingCopies(messages: readonly JournaledMessage[], boxes: readonly Box[]): Copy[] {
  const there = new Set(
    boxes.flatMap(({ person, ids }) => ids.map((id) => copyKey(keyOf(id), person.user))),
  )
  const accepted = messages.filter(({ outcome }) => outcome === 'accepted')
  return copiesOf(accepted).filter(({ copy }) => !there.has(copy))
}

/** What the senders' server says of the copies. */
async function askSenders(
  copies: readonly Copy[],
  personOf: (user: number) => Person,
  addresses: readonly string[],
  told: Map<string, Told>,
): Promise<void> {
  const bySender = Map.groupBy(copies, ({ message }) => message.sender)
  await inParallel(AT_ONCE, bySender, async ([sender, own]) => {
    const { account } = personOf(sender)
    const byAddress = new Map(
      own.map(({ message, user, copy }) => [`${keyOf(message.id)}/${addresses[user]}`, copy]),
    )
    const ids = [...new Map(own.map(({ message }) => [message.number, message.id])).values()]
    for (let from = 0; from < ids.length; from += STATUSES) {
      const messages = await statusesOf(account, ids.slice(from, from + STATUSES))
      for (const { messageId, recipients } of messages) {
        for (const { recipient, state, code } of recipients) {
          const copy = byAddress.get(`${keyOf(messageId)}/${recipient}`)
          if (copy !== undefined) told.set(copy, { state: stateName(state), code })
        }
      }
    }
  })
}

/** What the server does not know at all is left out: nobody was told anything of it. */
async function statusesOf(
  account: Account,
  messageIds: readonly Uint8Array[],
): Promise<readonly MessageStatus[]> {
  try {
    const request = { messageIds: [...messageIds] }
    const { messages } = await patiently(
      () => signedIn(account, (call) => account.transport.getDeliveryStatus(request, call)),
      Date.now() + PATIENCE_MS,
    )
    return messages
  } catch (error) {
    if (!(error instanceof MailxError) || error.code !== 'NOT_FOUND') throw error
    if (messageIds.length === 1) return []
    const half = Math.ceil(messageIds.length / 2)
    const parts = [messageIds.slice(0, half), messageIds.slice(half)]
    return (await Promise.all(parts.map((part) => statusesOf(account, part)))).flat()
  }
}

const stateName = (state: DeliveryState): string =>
  state.replace('DELIVERY_STATE_', '').toLowerCase()

/**
 * Fetches, opens and compares. The reasons by key of message: of known ones why they are corrupt, of
 * others that they belong to this run.
 */
async function check(
  { person, ids }: Box,
  known: ReadonlyMap<string, JournaledMessage>,
  { runId, body }: { readonly runId: string; readonly body: Bodies },
): Promise<Map<string, string>> {
  const reasons = new Map<string, string>()
  const wanted = new Map(ids.map((id) => [keyOf(id), id]))
  for (const [key] of wanted) if (known.has(key)) reasons.set(key, 'it cannot be fetched')
  const read = await patiently(
    () => readMessages(person.account, [...wanted.values()]),
    Date.now() + PATIENCE_MS,
  )
  for (const message of read) {
    const key = keyOf(message.messageId)
    const sent = known.get(key)
    if ('refused' in message) {
      const { code, message: why } = message.refused
      if (sent !== undefined) reasons.set(key, `${code}: ${why}`)
      continue
    }
    const { attachments, subject, body: text } = message.opened.payload
    if (sent === undefined) {
      if (subject.startsWith(subjectOf(runId, 0).slice(0, -1))) reasons.set(key, 'of this run')
    } else if (subject !== subjectOf(runId, sent.number)) {
      reasons.set(key, `its subject is "${subject}"`)
    } else if (text !== body(sent.number, sent.bytes)) reasons.set(key, 'its body is another one')
    else {
      const wrong = await wrongAttachment(
        person.account,
        attachments,
        attachmentOf(body, sent.number),
      )
      if (wrong === undefined) reasons.delete(key)
      else reasons.set(key, wrong)
    }
  }
  return reasons
}

/** Why one of them is not what was attached; undefined when all are. */
async function wrongAttachment(
  account: Account,
  attachments: readonly Attachment[],
  expected: Uint8Array,
): Promise<string | undefined> {
  for (const attachment of attachments) {
    try {
      const read = () => readAttachment(account, attachment)
      const data = await patiently(read, Date.now() + PATIENCE_MS)
      if (Buffer.compare(data, expected) !== 0) return 'its attachment is another one'
    } catch (error) {
      if (!(error instanceof MailxError)) throw error
      return `its attachment cannot be had: ${error.code}: ${error.message}`
    }
  }
  return undefined
}
