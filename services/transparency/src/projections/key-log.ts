import { MailxError } from '@mailx/errors/mailx-error'
import { byteaArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'
import type { Recorded } from '@mailx/events/event'
import { type IdentityEvent, identityEvents } from '@mailx/events/identity'
import { leavesOf } from '@mailx/keys/key-log-leaf'
import { newNodes, type StoredNode, subtreesOf } from '@mailx/merkle/tile'
import { leafHash } from '@mailx/merkle/tree-hash'
import type { Projection } from '@mailx/processors/projection'

type Tree = { readonly size: number; readonly position: bigint }

const readTrees = 'select domain, size, position from transparency.trees where domain = any($1)'

const readEdges = `select n.domain, n.level, n.index, n.hash from transparency.nodes n
  join unnest($1::text[], $2::int[], $3::bigint[]) as e(domain, level, index)
    using (domain, level, index)`

const addLeaves = `insert into transparency.leaves (domain, index, leaf, hash)
  select $1, first.index + new.place - 1, new.leaf, new.hash
  from (select $2::bigint as index) first,
    unnest($3::bytea[], $4::bytea[]) with ordinality as new(leaf, hash, place)`

const addNodes = `insert into transparency.nodes (domain, level, index, hash)
  select $1, new.* from unnest($2::int[], $3::bigint[], $4::bytea[]) as new`

const setTree = `insert into transparency.trees (domain, size, position) values ($1, $2, $3)
  on conflict (domain) do update set size = excluded.size, position = excluded.position`

/**
 * Tables transparency.leaves, nodes and trees: each domain's key log as an RFC 6962 tree, its leaves in
 * the order of the domain's events. An event that a tree already has adds nothing.
 */
export const keyLog = (
  onGrown: (domains: readonly string[]) => void,
): Projection<typeof identityEvents> => ({
  name: 'transparency.key-log',
  contexts: ['identity'],
  events: identityEvents,
  handles: ['DomainCreated', 'OperationalKeyCertified', 'UserRegistered', 'DeviceListPublished'],
  tables: ['transparency.leaves', 'transparency.nodes', 'transparency.trees'],
  apply: (sql, events) => neverParked(() => addAll(sql, events)),
  afterCommit(events) {
    onGrown([...new Set(events.map(domainOf))])
  },
})

async function addAll(sql: Sql, events: readonly Recorded<IdentityEvent>[]): Promise<void> {
  const byDomain = Map.groupBy(events, domainOf)
  const trees = await treesOf(sql, [...byDomain.keys()])
  const edges = await edgesOf(sql, trees)
  for (const [domain, ofDomain] of byDomain) {
    const tree = trees.get(domain) ?? { size: 0, position: 0n }
    const fresh = ofDomain.filter(({ position }) => position > tree.position)
    await grow(sql, { domain, tree, events: fresh, edges })
  }
}

/**
 * Whatever goes wrong holds the log up, for as long as it takes. Going on without an event, and adding
 * its leaf later, would make another tree than the one that a rebuild makes.
 */
async function neverParked(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause)
    throw new MailxError('UNAVAILABLE', `the key log cannot take an event: ${what}`, { cause })
  }
}

type Growth = {
  readonly domain: string
  readonly tree: Tree
  readonly events: readonly Recorded<IdentityEvent>[]
  readonly edges: ReadonlyMap<string, Uint8Array>
}

async function grow(sql: Sql, { domain, edges, events, tree }: Growth): Promise<void> {
  const last = events.at(-1)
  const leaves = events.flatMap((event) => leavesOf(event)).map(({ leaf }) => leaf)
  if (last === undefined || leaves.length === 0) return
  const hashes = leaves.map(leafHash)
  const nodes = await newNodes(tree.size, hashes, async (level, index) => {
    const edge = edges.get(nodeKey(domain, level, index))
    if (edge === undefined) throw new Error(`node ${level}/${index} of ${domain} is missing`)
    return edge
  })
  await sql.query(addLeaves, [domain, tree.size, byteaArray(leaves), byteaArray(hashes)])
  await sql.query(addNodes, [domain, ...columnsOf(nodes)])
  await sql.query(setTree, [domain, tree.size + leaves.length, last.position.toString()])
}

const columnsOf = (nodes: readonly StoredNode[]) => [
  nodes.map(({ level }) => level),
  nodes.map(({ index }) => index),
  byteaArray(nodes.map(({ hash }) => hash)),
]

async function treesOf(sql: Sql, domains: readonly string[]): Promise<Map<string, Tree>> {
  type Row = { domain: string; size: string; position: string }
  const { rows } = await sql.query<Row>(readTrees, [domains])
  return new Map(
    rows.map(({ domain, position, size }) => [
      domain,
      { size: Number(size), position: BigInt(position) },
    ]),
  )
}

/** The right edges of the trees: the only old nodes that new leaves are hashed together with. */
async function edgesOf(sql: Sql, trees: ReadonlyMap<string, Tree>) {
  const wanted = [...trees].flatMap(([domain, { size }]) =>
    subtreesOf(size).map((node) => ({ domain, ...node })),
  )
  type Row = { domain: string; level: number; index: string; hash: Uint8Array }
  const { rows } = await sql.query<Row>(readEdges, [
    wanted.map(({ domain }) => domain),
    wanted.map(({ level }) => level),
    wanted.map(({ index }) => index),
  ])
  return new Map(rows.map((row) => [nodeKey(row.domain, row.level, row.index), row.hash]))
}

const nodeKey = (domain: string, level: number, index: number | string): string =>
  `${domain}/${level}/${index}`

function domainOf(event: IdentityEvent): string {
  switch (event.type) {
    case 'DomainCreated':
    case 'OperationalKeyCertified':
    case 'DomainDocumentPublished':
      return event.data.domain
    case 'UserRegistered':
    case 'DeviceListPublished':
      return event.data.identity?.domain ?? ''
  }
}
