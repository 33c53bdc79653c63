import { sealDraft } from '@mailx/client/send'
import type { Pair } from './exchange.ts'
import type { Prepared } from './load.ts'

/** Seals `count` messages of about `bytes` each, in turn for the pairs. Sealing is not part of the run. */
export async function prepareMessages(
  pairs: readonly Pair[],
  count: number,
  bytes: number,
): Promise<Prepared[]> {
  const body = 'x'.repeat(Math.max(0, bytes - 400))
  const prepared: Prepared[] = []
  for (let index = 0; index < count; index++) {
    const pair = pairs[index % pairs.length]
    if (pair === undefined) throw new Error('nobody writes')
    const { submission } = await sealDraft(pair.sender, {
      to: [pair.recipient.keyring.address],
      subject: `message ${index}`,
      body,
      keepCopy: false,
    })
    prepared.push({ sender: pair.sender, submission })
  }
  return prepared
}
