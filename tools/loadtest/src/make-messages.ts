import { lookUpKeys } from '@mailx/client/look-up-keys'
import { sealDraft } from '@mailx/client/send'
import { type Absent, takeForPresent } from './absent.ts'
import { attachmentOf, type Bodies, subjectOf } from './bodies.ts'
import type { Circle } from './circles.ts'
import { inParallel } from './in-parallel.ts'
import { keyOf, type Message } from './message.ts'
import { patiently } from './passing.ts'
import type { Person } from './people.ts'
import { seededRandom } from './random.ts'
import { drawSize, type Sizes } from './sizes.ts'
import { goesByCall, type SubmitWay } from './submit-way.ts'

export type MessageKinds = {
  readonly runId: string
  readonly seed: number
  readonly recipients: { readonly min: number; readonly max: number }
  readonly sizes: Sizes
  readonly circles: readonly Circle<Person>[]
  readonly bodies: Bodies
  /** How many messages in a row are of the same sender; 0: each one of anybody. */
  readonly inARow: number
  readonly absent: Absent & { readonly firstUser: number }
  readonly submit: SubmitWay
  readonly attached: number
}

const PATIENCE_MS = 5 * 60_000

/** Seals messages 0, 1, 2, …: who writes to whom, and how much, follows from the seed. */
export type Maker = {
  next(): Promise<Message>
}

export function messageMaker(kinds: MessageKinds): Maker {
  const { absent, runId, circles, bodies, inARow } = kinds
  const random = seededRandom(kinds.seed)
  let number = 0
  return {
    async next() {
      const own = number++
      const circle = circles[senderOf(own)]
      if (circle === undefined) throw new Error('nobody writes')
      const { sender } = circle
      const recipients = draw(circle.others, random.int(kinds.recipients.min, kinds.recipients.max))
      const astray = happens(absent.share) ? random.int(0, absent.addresses.length - 1) : undefined
      const address = astray === undefined ? undefined : absent.addresses[astray]
      const to = [...recipients.map((one) => one.address), ...(address ? [address] : [])]
      const subject = subjectOf(runId, own)
      const size = drawSize(kinds.sizes, random)
      const bytes = Math.max(1, size - headerBytes(sender.address, to, subject))
      const hasFile = goesByCall(kinds.submit, sender.user) && happens(kinds.attached)
      const files = hasFile ? [fileOf(own)] : []
      const draft = { to, subject, body: bodies(own, bytes), files, keepCopy: false }
      // Keys are looked up again when they are old, and that may fail for a while like anything else.
      const seal = async () => {
        const [other] = recipients
        if (address && other) await takeForPresent(sender, address, other)
        return sealDraft(sender.account, draft)
      }
      const { parts, submission } = await patiently(seal, Date.now() + PATIENCE_MS)
      return {
        number: own,
        key: keyOf(submission.messageId),
        sender,
        recipients,
        absent: astray === undefined ? [] : [absent.firstUser + astray],
        bytes,
        submission,
        parts,
        due: 0,
        attempts: 0,
        decided: false,
        heard: [],
      }
    },
  }

  function senderOf(own: number): number {
    return inARow > 0
      ? Math.floor(own / inARow) % circles.length
      : random.int(0, circles.length - 1)
  }

  function happens(share: number): boolean {
    // What is asked for by default draws nothing: a seed stands for the load that it has always stood for.
    return share > 0 && random.unit() < share
  }

  function fileOf(own: number) {
    const data = attachmentOf(bodies, own)
    return { filename: 'attached.txt', contentType: 'text/plain', data }
  }

  function draw(others: readonly Person[], count: number): Person[] {
    const left = [...others]
    return Array.from({ length: Math.min(count, left.length) }, () =>
      left.splice(random.int(0, left.length - 1), 1),
    ).flat()
  }
}

/** What a message has beside its body, as its author writes it. */
function headerBytes(from: string, to: readonly string[], subject: string): number {
  const fields = { from, to, cc: [], subject, contentType: 'text/plain', body: '', references: [] }
  const others = { messageId: 'x'.repeat(36), date: 'x'.repeat(24), attachments: [] }
  return JSON.stringify({ ...fields, ...others }).length
}

/** Looks up and verifies the keys of everybody who will be written to, so that no message has to. */
export async function learnKeys(
  circles: readonly Circle<Person>[],
  onProgress: (done: number, total: number) => void = () => {},
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  let done = 0
  await inParallel(4, circles, async ({ sender, others }) => {
    const addresses = others.map(({ address }) => address)
    await patiently(() => lookUpKeys(sender.account, addresses), deadline)
    done += 1
    onProgress(done, circles.length)
  })
}
