import { setTimeout as delay } from 'node:timers/promises'
import { parsePrometheus } from '@mailx/mailxctl-tool/status/parse-prometheus'
import type { Fault } from './fault.ts'
import { killAndRevive } from './processes.ts'
import { type Domain, domains, processOf, type Rig } from './rig.ts'
import { patchedTree, patchesIn } from './source-tree.ts'

const [here, there] = domains

/**
 * A peer that takes mail and answers with something else than it should. What it says goes over TLS, with
 * its own certificate and behind the challenge, so nobody between could: it is a peer with other code.
 */
type StrangePeer = {
  /** The patch's, without the ending. */
  readonly patch: string
  readonly name: string
  /** What the sender says of its deliveries then. */
  readonly noticed: readonly string[]
  readonly selected?: boolean
}

const NOTICED_WITHIN_MS = 30_000

const strangePeer = ({ noticed, patch, ...fault }: StrangePeer): Fault => ({
  ...fault,
  success: [{ kind: 'notified', domain: there, from: 'elsewhere' }],
  async inject({ rig, random }) {
    const path = (await patchesIn('strange')).get(patch)
    if (path === undefined) throw new Error(`the patch ${patch} is missing`)
    const tree = await patchedTree([path])
    const peer = () => processOf(rig, there, 'inbound-federation')
    const notices = async () => {
      const counts = noticed.map((outcome) => deliveriesOf(rig, { peer: there, outcome }))
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
    }
    const believed = () => deliveriesOf(rig, { peer: there, outcome: 'accepted' })
    try {
      const before = await notices()
      await killAndRevive(rig, there, peer(), { tree: tree.path })
      const deadline = performance.now() + NOTICED_WITHIN_MS
      while ((await notices()) === before) {
        if (performance.now() > deadline) throw new Error(`${here} noticed nothing`)
        await delay(100)
      }
      const after = await believed()
      await delay(random.int(3_000, 6_000))
      if ((await believed()) > after) throw new Error(`${here} believed what ${there} answered`)
      return { since: await killAndRevive(rig, there, peer()) }
    } finally {
      await tree.remove()
    }
  },
})

/** Deliveries from `here` so far, by what became of them. */
async function deliveriesOf(
  rig: Rig,
  wanted: { readonly peer: Domain; readonly outcome: string },
): Promise<number> {
  const { opsPort } = processOf(rig, here, 'outbound-federation')
  const response = await fetch(`http://127.0.0.1:${opsPort}/metrics`)
  return parsePrometheus(await response.text())
    .filter(({ name }) => name === 'mailx_federation_deliveries_total')
    .filter(({ labels }) => labels['peer'] === wanted.peer && labels['outcome'] === wanted.outcome)
    .reduce((sum, { value }) => sum + value, 0)
}

export const strangePeers: readonly Fault[] = [
  {
    patch: 'wrong-id',
    name: `${there} answers with the wrong id`,
    noticed: ['BAD_PROOF'],
  },
  {
    patch: 'another-message',
    name: `${there} answers for other messages`,
    noticed: ['BAD_PROOF'],
  },
  {
    patch: 'wrong-signature',
    name: `${there} answers with a wrong signature`,
    noticed: ['BAD_SIGNATURE'],
    selected: true,
  },
  {
    patch: 'garbage',
    name: `${there} answers with what cannot be read`,
    noticed: ['INTERNAL'],
  },
].map(strangePeer)
