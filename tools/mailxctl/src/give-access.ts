/**
 * What makes each process of a deployment the one it is, to Postgres and to NATS:
 *  1. for each a password of its role and the seed of its nkey: made once, never changed
 *  2. for the NATS server their public keys, as variables of its configuration
 * What is there stays as it is; it may run as often as one likes.
 */
import { randomBytes } from 'node:crypto'
import { MailxError } from '@mailx/errors/mailx-error'
import { natsUser, publicKeyVariable } from '@mailx/privileges/nats-permissions'
import { type Principal, principals } from '@mailx/privileges/services'
import { createUser, fromSeed } from '@nats-io/nkeys'
import type { SecretStore, SecretTexts } from './secret-store.ts'

/** Where the NATS server's part is. */
export const NATS = 'nats'
export const PUBLIC_KEYS = 'public-keys.conf'

export type Given = {
  readonly principal: Principal
  readonly place: string
  readonly outcome: 'made' | 'completed' | 'kept'
  readonly password: string
  readonly publicKey: string
}

/**
 * Rejects with what the store rejects with, and with FAILED_PRECONDITION for a seed that is none; what
 * was made by then stays.
 */
export async function giveAccess(store: SecretStore): Promise<readonly Given[]> {
  const all: Given[] = []
  for (const principal of principals) all.push(await giveTo(store, principal))
  const conf = publicKeysConf(all)
  const there = await store.read(NATS)
  if (there?.[PUBLIC_KEYS] !== conf) await store.write(NATS, { ...there, [PUBLIC_KEYS]: conf })
  return all
}

async function giveTo(store: SecretStore, principal: Principal): Promise<Given> {
  const place = store.placeOf(principal)
  const there = (await store.read(principal)) ?? {}
  const password = textIn(there, 'DATABASE_PASSWORD')
  const seed = textIn(there, 'NATS_SEED')
  const texts = {
    DATABASE_PASSWORD: password ?? randomBytes(24).toString('base64url'),
    NATS_SEED: seed ?? utf8.decode(createUser().getSeed()),
  }
  const given = {
    principal,
    place,
    password: texts.DATABASE_PASSWORD,
    publicKey: publicKeyOf(texts.NATS_SEED, place),
  }
  if (password !== undefined && seed !== undefined) return { ...given, outcome: 'kept' }
  await store.write(principal, { ...there, ...texts })
  const isNew = password === undefined && seed === undefined
  return { ...given, outcome: isNew ? 'made' : 'completed' }
}

export type NatsUser = { readonly principal: Principal; readonly publicKey: string }

/** Those whose seed the store has. FAILED_PRECONDITION for a seed that is none. */
export async function natsUsersIn(store: SecretStore): Promise<readonly NatsUser[]> {
  const users: NatsUser[] = []
  for (const principal of principals) {
    const seed = textIn((await store.read(principal)) ?? {}, 'NATS_SEED')
    if (seed === undefined) continue
    users.push({ principal, publicKey: publicKeyOf(seed, store.placeOf(principal)) })
  }
  return users
}

/** The users as the configuration of nats-server has them. */
export const natsAuthorization = (users: readonly NatsUser[]): string =>
  [
    'authorization {',
    '  users: [',
    ...users.map(({ principal, publicKey }) => `    ${natsUser(principal, publicKey)}`),
    '  ]',
    '}',
  ].join('\n')

const publicKeysConf = (users: readonly NatsUser[]): string =>
  users
    .map(({ principal, publicKey }) => `${publicKeyVariable(principal)}: ${publicKey}\n`)
    .join('')

const utf8 = new TextDecoder()

const textIn = (texts: SecretTexts, name: string): string | undefined =>
  texts[name]?.trim() || undefined

function publicKeyOf(seed: string, place: string): string {
  const publicKey = keyOf(seed)
  if (publicKey?.startsWith('U')) return publicKey
  throw new MailxError(
    'FAILED_PRECONDITION',
    `NATS_SEED in ${place} is not the seed of a user (SU…): mend it, or delete it and let a new one be made`,
  )
}

function keyOf(seed: string): string | undefined {
  try {
    return fromSeed(new TextEncoder().encode(seed)).getPublicKey()
  } catch {
    return undefined
  }
}
