import type { SigningKeyPair } from '@mailx/crypto/sign'
import { MailxError } from '@mailx/errors/mailx-error'
import { callUnary } from '@mailx/grpc/client'
import type { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import { domainLabel } from '@mailx/telemetry/capped-label'
import { gauge } from '@mailx/telemetry/metrics'
import { currentService } from '@mailx/telemetry/tracer'
import {
  type Certification,
  createVaultTable,
  type KeyVault,
  openKeyVault,
  type VaultKey,
  type VaultSql,
} from './key-vault.ts'

const MINUTE_MS = 60 * 1000
const DAY_MS = 24 * 60 * MINUTE_MS

/** A new key waits this long while its predecessor is still good: every cached document then has it. */
const REST_MS = DAY_MS

export type OperationalSigningKey = SigningKeyPair & { readonly kid: string }

export type HeldOperationalKey = {
  /** The key to sign with now. */
  current(): OperationalSigningKey
  /** Renews if the time has come. Runs by itself every ten minutes; rejects when identity refuses. */
  renewIfDue(): Promise<boolean>
  stop(): void
}

export type HoldOperationalKeyOptions = {
  readonly pool: VaultSql
  /** The schema of the service; the key lies in its table `vault`, which is created if need be. */
  readonly schema: string
  /** 32 bytes: KEY_ENCRYPTION_KEY. */
  readonly kek: Uint8Array
  /** Made by `connectGrpc`, which ties the methods to it. */
  readonly identity: Pick<IdentityServiceClient, 'certifyOperationalKey'>
  readonly domain: string
  readonly use: 'deliver' | 'log'
  /** The name of the service. */
  readonly holder: string
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
  /** Told of each failed renewal. The key in use stays; the next round tries again. */
  readonly onFailure?: (error: unknown) => void
}

const expiry = gauge({
  name: 'mailx_operational_key_expiry_timestamp_seconds',
  help: 'When the newest operational key of a hosted domain runs out; it is renewed long before.',
  labelNames: ['service', 'domain', 'use'],
})

/**
 * Holds an operational key of a hosted domain: made here, certified by identity, kept wrapped in the
 * vault of the service, which its replicas share. A successor is made after two thirds of the key's
 * term and used a day later. Rejects when identity certifies none at the start.
 */
export async function holdOperationalKey(
  options: HoldOperationalKeyOptions,
): Promise<HeldOperationalKey> {
  const { now, pool, schema } = options
  await createVaultTable(pool, schema)
  const vault = openKeyVault({ ...options, sql: pool })
  const labels = {
    service: currentService(),
    domain: domainLabel(options.domain),
    use: options.use,
  }
  const show = () =>
    expiry.set(labels, Math.max(...keys.map((key) => key.certification.notAfter)) / 1000)
  let keys = await certifiedKeys(vault, options)
  show()
  let renewing: Promise<boolean> | undefined

  const renew = async () => {
    if (!isDue(keys.at(-1), now())) return false
    keys = await certifiedKeys(vault, options)
    show()
    return true
  }
  const renewIfDue = () => {
    renewing ??= renew().finally(() => {
      renewing = undefined
    })
    return renewing
  }
  const timer = setInterval(() => {
    renewIfDue().catch((error: unknown) => options.onFailure?.(error))
  }, 10 * MINUTE_MS)
  timer.unref()

  return {
    current: () => usableKey(keys, options),
    renewIfDue,
    stop: () => {
      clearInterval(timer)
      expiry.remove(labels)
    },
  }
}

type CertifiedKey = VaultKey & { readonly certification: Certification }

/** All keys of the slot that are certified, after making and certifying what is missing. */
async function certifiedKeys(
  vault: KeyVault,
  options: HoldOperationalKeyOptions,
): Promise<readonly CertifiedKey[]> {
  const { domain, now, use } = options
  const known = await vault.list(domain, use)
  const newest = known.at(-1)
  const generation = newest?.generation ?? 0
  const next = isDue(newest, now())
    ? [await vault.keep({ domain, use, generation: generation + 1 })]
    : []
  const keys: CertifiedKey[] = []
  for (const key of [...known, ...next]) keys.push(await certified(key, vault, options))
  return keys
}

async function certified(
  key: VaultKey,
  vault: KeyVault,
  options: HoldOperationalKeyOptions,
): Promise<CertifiedKey> {
  if (key.certification !== undefined) return { ...key, certification: key.certification }
  const { domain, holder, identity, use } = options
  // Identity gives one key one certificate, so a crash before the next line costs nothing.
  const answer = await callUnary(
    identity.certifyOperationalKey,
    { domain, use, publicKey: key.publicKey, holder },
    { timeoutMs: 10_000 },
  )
  const certification = {
    kid: answer.kid,
    notBefore: Number(answer.notBeforeUnixMs),
    notAfter: Number(answer.notAfterUnixMs),
  }
  await vault.recordCertification(key, certification)
  return { ...key, certification }
}

function isDue(key: VaultKey | undefined, now: number): boolean {
  if (key === undefined) return true
  if (key.certification === undefined) return false
  const { notAfter, notBefore } = key.certification
  return now >= notBefore + ((notAfter - notBefore) * 2) / 3
}

function usableKey(
  keys: readonly CertifiedKey[],
  { domain, now, use }: HoldOperationalKeyOptions,
): OperationalSigningKey {
  const at = now()
  const valid = keys.filter(({ certification }) => at < certification.notAfter)
  const rested = valid.findLast(({ certification }) => at >= certification.notBefore + REST_MS)
  const key = rested ?? valid[0]
  if (key === undefined) {
    throw new MailxError(
      'UNAVAILABLE',
      `the ${use} key of ${domain} has expired and no new one came`,
    )
  }
  return { kid: key.certification.kid, publicKey: key.publicKey, secretKey: key.secretKey }
}
