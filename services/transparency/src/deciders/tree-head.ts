import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Decider } from '@mailx/events/decider'
import type { TransparencyEvent } from '@mailx/events/transparency'

/** What was signed last. */
export type TreeHead = {
  readonly size: number
  readonly root: Uint8Array
  readonly signedAt: number
  readonly kid: string
}

export type SignedTree =
  | { readonly status: 'unsigned' }
  | { readonly status: 'signed'; readonly head: TreeHead }

/** A checkpoint that is ready to be published, with what it was computed from. */
export type TreeHeadCommand = {
  readonly type: 'PublishCheckpoint'
  readonly domain: string
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  /** The root of the first leaves of this tree, as many as were signed last. */
  readonly rootOfSigned: Uint8Array
  readonly note: string
  readonly kid: string
  readonly at: number
  readonly intervalMs: number
}

/**
 * THREATS T11–T13: what is signed only ever grows out of what was signed, in time as in content. Throws
 * CORRUPT_LOG when the stored tree lost or changed leaves (a restored backup, a flipped bit), and
 * FAILED_PRECONDITION when the clock is behind. Nothing then gets signed until a person looked.
 */
function decide(command: TreeHeadCommand, tree: SignedTree): TransparencyEvent[] {
  const { at, domain, intervalMs, kid, note, origin, root, size } = command
  if (tree.status === 'signed') {
    const { head } = tree
    if (size < head.size) {
      throw corrupt(domain, `it has ${size} leaves, but ${head.size} were signed`)
    }
    if (!equal(command.rootOfSigned, head.root)) {
      throw corrupt(domain, `its first ${head.size} leaves are not those that were signed`)
    }
    if (size === head.size && kid === head.kid) return []
    if (at < head.signedAt) {
      throw new MailxError(
        'FAILED_PRECONDITION',
        `the clock is ${head.signedAt - at} ms behind the last checkpoint of ${domain}: set it right`,
      )
    }
    if (at < head.signedAt + intervalMs) return []
  }
  if (size === 0) return []
  const data = { domain, origin, size: BigInt(size), root, note, signedAtUnixMs: BigInt(at), kid }
  return [{ type: 'CheckpointSigned', data }]
}

function evolve(tree: SignedTree, event: TransparencyEvent): SignedTree {
  if (event.type !== 'CheckpointSigned') return tree
  const { kid, root, signedAtUnixMs, size } = event.data
  const head = { size: Number(size), root, signedAt: Number(signedAtUnixMs), kid }
  return { status: 'signed', head }
}

const corrupt = (domain: string, what: string) =>
  new MailxError(
    'CORRUPT_LOG',
    `the key log of ${domain} is not what was signed: ${what}. Restore its newest copy; nothing is signed until then.`,
  )

export const treeHead: Decider<SignedTree, TreeHeadCommand, TransparencyEvent> = {
  initialState: { status: 'unsigned' },
  decide,
  evolve,
}
