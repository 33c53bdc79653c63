import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crashPoints } from '@mailx/config/crash-at'
import { expect, test } from 'vitest'
import { crashSites } from './crash-sites.ts'

const root = new URL('../..', import.meta.url).pathname

/** Where a message is taken further, and what it goes through there. */
const onTheWay = [
  'libs/event-log',
  'libs/messaging',
  'libs/processors',
  'services/gateway',
  'services/inbound-federation',
  'services/outbound-federation',
  'services/storage',
]

/** What outlives the process that does it, or is heard by another one. */
const effects = [
  /\blog\s*\.append\(/,
  /\bpublish\(/,
  /\bwriteBlobs\(/,
  /\bwriteBatch\(/,
  /\bmarkPublished\(/,
  /\bmoveCheckpoint\(/,
  /\b(writePause|writeFloors|clearPause)\(/,
  /\brecordOutcome\(/,
  /'commit'/,
]

/** Files that do such things without a crash point of their own, and why. */
const beside: Readonly<Record<string, string>> = {
  'libs/event-log/src/blobs.ts': 'writes what its callers have points for',
  'libs/event-log/src/handle-command.ts': 'commands of users and domains, not messages',
  'libs/messaging/src/mark-published.ts': 'relay.after-mark and sweep.after-mark are behind it',
  'libs/messaging/src/publish.ts': 'its callers have points before and behind it',
  'libs/processors/src/checkpoint.ts': 'its callers have points before and behind it',
  'libs/processors/src/transaction.ts': 'projection.before-commit and after-commit are around it',
  'services/inbound-federation/src/service.ts': 'tells that a peer was heard of, and may get lost',
  'services/outbound-federation/src/reactors/lane-notes.ts': 'its callers have points behind it',
  'services/outbound-federation/src/reactors/record-outcome.ts':
    'its callers have points behind it',
  'services/storage/src/reactors/announce-gaps.ts':
    'announces by announce-changes.ts, which has points',
  'services/storage/src/reactors/announce-owner-changes.ts': 'flags and deletions, not messages',
  'services/storage/src/reactors/erase-blobs.ts': 'what nobody needs any more',
  'services/storage/src/reactors/watch-quota.ts':
    'reactor.before-effect and after-effect are around it',
  'services/storage/src/rpc/append-mailbox-events.ts': 'flags and deletions, not messages',
}

const sources = await readSources()

test.each(Object.entries(crashSites))(
  '%s is where the list says, and nowhere else',
  (point, site) => {
    const used = [...sources].filter(([, text]) => text.includes(`crashAt('${point}')`))
    expect(used.map(([file]) => file)).toEqual([site.file])
  },
)

test('every crash point is in the list, and somebody comes by it', () => {
  expect(Object.keys(crashSites)).toEqual(Object.keys(crashPoints))
  const nobody = Object.entries(crashSites).filter(([, { services }]) => services.length === 0)
  expect(nobody).toEqual([])
})

test('what has an effect on the way of a message has a crash point beside it', () => {
  const acting = [...sources].filter(([, text]) => effects.some((effect) => effect.test(text)))
  const bare = acting.filter(([, text]) => !text.includes('crashAt(')).map(([file]) => file)
  expect(bare.toSorted()).toEqual(Object.keys(beside).toSorted())
})

async function readSources(): Promise<ReadonlyMap<string, string>> {
  const read = onTheWay.map(async (part) => {
    const folder = join(root, part, 'src')
    const names = await readdir(folder, { recursive: true })
    const own = names.filter((name) => name.endsWith('.ts') && !isForTests(name))
    return Promise.all(
      own.map(
        async (name): Promise<[string, string]> => [
          `${part}/src/${name}`,
          await readFile(join(folder, name), 'utf8'),
        ],
      ),
    )
  })
  return new Map((await Promise.all(read)).flat())
}

function isForTests(name: string): boolean {
  return /\.(test|fixture)\.ts$|(^|\/)(testing\/|test-[^/]*$)/.test(name)
}
