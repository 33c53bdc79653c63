import { equal, uint32be } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { unwrapKey, wrapKey } from '@mailx/crypto/key-encryption'
import { type SigningKeyPair, signingKeyPair } from '@mailx/crypto/sign'
import { MailxError } from '@mailx/errors/mailx-error'
import { encodeFields } from '@mailx/statement/statement'

/** What runs a statement: a pool or a client of node-postgres. */
export type VaultSql = {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

export type KeyVaultOptions = {
  readonly sql: VaultSql
  /** The schema of the service that keeps the keys; the vault is its table `vault`. */
  readonly schema: string
  /** 32 bytes: KEY_ENCRYPTION_KEY. */
  readonly kek: Uint8Array
  readonly random: (length: number) => Uint8Array
}

/** Which key: the n-th of one domain for one use. */
export type KeySlot = {
  readonly domain: string
  readonly use: string
  readonly generation: number
}

/** What the domain key said about a key of the vault. */
export type Certification = {
  readonly kid: string
  readonly notBefore: number
  readonly notAfter: number
}

export type VaultKey = KeySlot &
  SigningKeyPair & { readonly certification: Certification | undefined }

export type KeyVault = {
  /** The key of the slot; made now if it is not there. Replicas that make one at once get the same. */
  keep(slot: KeySlot): Promise<VaultKey>
  /** All keys of one domain and use, oldest first. */
  list(domain: string, use: string): Promise<readonly VaultKey[]>
  find(domain: string, publicKey: Uint8Array): Promise<VaultKey | undefined>
  recordCertification(slot: KeySlot, certification: Certification): Promise<void>
  /** Opens every key. Throws UNSAFE_CONFIGURATION when KEY_ENCRYPTION_KEY is not theirs. */
  check(): Promise<void>
}

type Row = {
  domain: string
  use: string
  generation: number
  public_key: Uint8Array
  wrapped_seed: Uint8Array
  kid: string | null
  not_before: string | null
  not_after: string | null
}

/**
 * Signing keys at rest: each seed is sealed under a key of its own, which is derived from the
 * key-encryption key and the slot, so that no row opens in the place of another. Rows are never
 * deleted. The table must exist: see `createVaultTable`.
 */
export function openKeyVault({ sql, schema, kek, random }: KeyVaultOptions): KeyVault {
  const columns = 'domain, use, generation, public_key, wrapped_seed, kid, not_before, not_after'
  const read = async (where: string, values: unknown[]): Promise<VaultKey[]> => {
    const text = `select ${columns} from ${schema}.vault where ${where} order by generation`
    const { rows } = await sql.query(text, values)
    return (rows as Row[]).map((row) => openRow(row, schema, kek))
  }
  const keep = async (slot: KeySlot): Promise<VaultKey> => {
    const { domain, generation, use } = slot
    const inSlot = () =>
      read('domain = $1 and use = $2 and generation = $3', [domain, use, generation])
    const [known] = await inSlot()
    if (known !== undefined) return known
    const seed = random(32)
    const wrapped = wrapKey(slotKey(schema, slot, kek), random(24), seed)
    await sql.query(
      `insert into ${schema}.vault (domain, use, generation, public_key, wrapped_seed)
         values ($1, $2, $3, $4, $5) on conflict do nothing`,
      [domain, use, generation, signingKeyPair(seed).publicKey, wrapped],
    )
    // Another replica may have been first: what the table holds is the key.
    const [kept] = await inSlot()
    if (kept === undefined) throw new MailxError('INTERNAL', 'the vault did not keep a new key')
    return kept
  }
  return {
    keep,
    list: (domain, use) => read('domain = $1 and use = $2', [domain, use]),
    find: async (domain, publicKey) =>
      (await read('domain = $1 and public_key = $2', [domain, publicKey]))[0],
    recordCertification: async ({ domain, use, generation }, { kid, notBefore, notAfter }) => {
      await sql.query(
        `update ${schema}.vault set kid = $4, not_before = $5, not_after = $6
           where domain = $1 and use = $2 and generation = $3`,
        [domain, use, generation, kid, notBefore, notAfter],
      )
    },
    check: async () => {
      await read('true', [])
    },
  }
}

/** The vault's table. Safe to run at every start, from several replicas at once. */
export async function createVaultTable(sql: VaultSql, schema: string): Promise<void> {
  // A role that only uses the table may not make it. Asked of the catalogue itself: what `to_regclass`
  // did not find, its connection would hold for missing even after it has waited for the lock below.
  const { rows } = await sql.query(
    `select not exists (
       select from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = $1 and c.relname = 'vault') as missing`,
    [schema],
  )
  if ((rows as { missing: boolean }[])[0]?.missing === false) return
  await sql.query(
    `do $$ begin
       perform pg_advisory_xact_lock(hashtext('${schema}.vault'));
       create schema if not exists ${schema};
       create table if not exists ${schema}.vault (
         domain text not null,
         use text not null,
         generation int not null,
         public_key bytea not null,
         wrapped_seed bytea not null,
         kid text,
         not_before bigint,
         not_after bigint,
         created_at timestamptz not null default now(),
         primary key (domain, use, generation)
       );
     end $$`,
  )
}

function openRow(row: Row, schema: string, kek: Uint8Array): VaultKey {
  const { domain, generation, kid, not_after, not_before, use } = row
  const slot = { domain, use, generation }
  const pair = signingKeyPair(openSeed(row.wrapped_seed, slot, schema, kek))
  if (!equal(pair.publicKey, row.public_key)) {
    throw wrongKey(schema, `the ${use} key of ${domain} is not the one that is recorded`)
  }
  const certification =
    kid === null ? undefined : { kid, notBefore: Number(not_before), notAfter: Number(not_after) }
  return { ...slot, ...pair, certification }
}

function openSeed(wrapped: Uint8Array, slot: KeySlot, schema: string, kek: Uint8Array) {
  try {
    return unwrapKey(slotKey(schema, slot, kek), wrapped)
  } catch (cause) {
    throw wrongKey(schema, `the ${slot.use} key of ${slot.domain} does not open`, cause)
  }
}

const slotKey = (schema: string, slot: KeySlot, kek: Uint8Array): Uint8Array =>
  blake2b(encodeFields('vault', [schema, slot.domain, slot.use, uint32be(slot.generation)]), {
    key: kek,
  })

const wrongKey = (schema: string, what: string, cause?: unknown) =>
  new MailxError(
    'UNSAFE_CONFIGURATION',
    `the key vault ${schema}.vault does not fit KEY_ENCRYPTION_KEY: ${what}. Set KEY_ENCRYPTION_KEY to the key that this database was made with.`,
    { cause },
  )
