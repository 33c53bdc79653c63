import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { natsUser } from '@mailx/privileges/nats-permissions'
import { principals } from '@mailx/privileges/services'
import { fromSeed } from '@nats-io/nkeys'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Output } from '../run.ts'
import { type ApiServer, startApiServer, type World } from '../testing/api-server.ts'
import { type K8sAccessOptions, k8sAccessCommand, k8sNatsUsersCommand } from './access.ts'

vi.setConfig({ testTimeout: 120_000 })

const main = new URL('../main.ts', import.meta.url).pathname
const compiled = new URL('../../../../.cache/compiled', import.meta.url).pathname

let folder: string
let server: ApiServer
const world: World = { namespace: 'mail', pods: [], secrets: [], answers: {}, rights: {} }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailx-access-'))
  server = await startApiServer(world)
})
beforeEach(() => {
  world.secrets = []
  world.rights = {
    job: ['get', 'create', 'update'].map((verb) => `${verb} secrets`),
    reader: ['get secrets'],
  }
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }

function mailxctl(...args: readonly string[]) {
  const { PATH = '' } = process.env
  const env = { PATH, HOME: folder, NODE_COMPILE_CACHE: compiled }
  return new Promise<Ended>((resolve) => {
    execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

async function kubeconfigOf(token: string): Promise<string> {
  const kubeconfig = join(folder, token)
  await writeFile(kubeconfig, server.kubeconfig(token))
  return kubeconfig
}

/** Runs the program as the chart's Job does. */
async function job(): Promise<Ended> {
  const kubeconfig = await kubeconfigOf('job')
  return mailxctl('k8s', 'access', '--prefix', 'mx-access', '--kubeconfig', kubeconfig)
}

type Ran = (output: Output, options: K8sAccessOptions) => Promise<void>

/** The same without a process of its own: what it prints. */
async function inCluster(command: Ran, token = 'job'): Promise<string> {
  const kubeconfig = await kubeconfigOf(token)
  const lines: string[] = []
  const output: Output = { record: (_data, text) => lines.push(`${text}\n`) }
  await command(output, { prefix: 'mx-access', kubeconfig })
  return lines.join('')
}

const textsOf = (name: string): Record<string, string> => {
  const found = world.secrets.find(({ metadata }) => metadata.name === `mx-access-${name}`)
  return Object.fromEntries(
    Object.entries(found?.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]),
  )
}

const publicKeyOf = (seed = '') => fromSeed(new TextEncoder().encode(seed)).getPublicKey()

test('every process gets a password and a seed of its own, once, and NATS the public keys', async () => {
  const { code, stdout, stderr } = await job()
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const all = principals.map(textsOf)
  expect(new Set(all.map((texts) => texts['DATABASE_PASSWORD'])).size).toBe(principals.length)
  expect(textsOf('nats')['public-keys.conf']).toBe(
    all
      .map((texts, at) => {
        const name = principals[at]?.toUpperCase().replaceAll('-', '_')
        return `NKEY_${name}: ${publicKeyOf(texts['NATS_SEED'])}\n`
      })
      .join(''),
  )
  expect(Object.keys(textsOf('nats'))).toEqual(['public-keys.conf'])
  for (const texts of all) {
    expect(texts['DATABASE_PASSWORD']).toMatch(/^[\w-]{32}$/)
    expect(stdout).not.toContain(texts['DATABASE_PASSWORD'])
    expect(stdout).not.toContain(texts['NATS_SEED'])
    expect(stdout).toContain(publicKeyOf(texts['NATS_SEED']))
  }
  const before = world.secrets
  expect(JSON.stringify(before)).toContain('"helm.sh/resource-policy":"keep"')
  expect(await inCluster(k8sAccessCommand)).toMatch(/^(kept .*\n)+$/)
  expect(world.secrets).toBe(before)
})

test('what is missing is made, what is there stays', async () => {
  await inCluster(k8sAccessCommand)
  const { DATABASE_PASSWORD } = textsOf('storage')
  const other = textsOf('gateway')
  world.secrets = world.secrets.map((secret) => {
    if (!secret.metadata.name.endsWith('storage')) return secret
    const { NATS_SEED: _lost, ...data } = secret.data
    return { ...secret, data }
  })
  expect(await inCluster(k8sAccessCommand)).toMatch(/^completed +mx-access-storage /m)
  expect(textsOf('storage')['DATABASE_PASSWORD']).toBe(DATABASE_PASSWORD)
  expect(textsOf('nats')['public-keys.conf']).toContain(
    `NKEY_STORAGE: ${publicKeyOf(textsOf('storage')['NATS_SEED'])}`,
  )
  expect(textsOf('gateway')).toEqual(other)
})

test('the users of a NATS server are printed as its configuration has them, by who may only read', async () => {
  await inCluster(k8sAccessCommand)
  const stdout = await inCluster(k8sNatsUsersCommand, 'reader')
  for (const name of principals) {
    expect(stdout).toContain(natsUser(name, publicKeyOf(textsOf(name)['NATS_SEED'])))
    expect(stdout).not.toContain(textsOf(name)['NATS_SEED'])
  }
})

test('who may not is told what is not allowed, and who has nothing what to do', async () => {
  await expect(inCluster(k8sAccessCommand, 'reader')).rejects.toThrow(
    'not allowed to create secrets/mx-access-identity',
  )
  await expect(inCluster(k8sNatsUsersCommand)).rejects.toThrow('make them by mailxctl k8s access')
})

test('a seed that is none is not written over', async () => {
  await inCluster(k8sAccessCommand)
  world.secrets = world.secrets.map((secret) =>
    secret.metadata.name.endsWith('gateway')
      ? { ...secret, data: { ...secret.data, NATS_SEED: Buffer.from('SUxyz').toString('base64') } }
      : secret,
  )
  const { code, stderr } = await job()
  expect(code).toBe(1)
  expect(stderr).toContain('NATS_SEED in mx-access-gateway is not the seed of a user (SU…)')
  expect(textsOf('gateway')['NATS_SEED']).toBe('SUxyz')
})

test('as files they are for their user alone, with a folder as prepare-database reads it', async () => {
  const files = join(folder, 'files')
  expect((await mailxctl('access', files)).code).toBe(0)
  expect((await readdir(files)).toSorted()).toEqual(
    [...principals, 'nats', 'postgres-roles'].toSorted(),
  )
  expect((await readdir(join(files, 'postgres-roles'))).toSorted()).toEqual(
    [...principals].toSorted(),
  )
  const read = (...path: readonly string[]) => readFile(join(files, ...path), 'utf8')
  for (const name of principals) {
    expect(await read('postgres-roles', name)).toBe(await read(name, 'DATABASE_PASSWORD'))
    expect((await stat(join(files, name, 'NATS_SEED'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(files, name))).mode & 0o777).toBe(0o700)
  }
  expect((await mailxctl('access', files)).stdout).toMatch(/^(kept .*\n)+$/)
  const { stdout } = await mailxctl('nats-users', files)
  expect(stdout).toContain(natsUser('gateway', publicKeyOf(await read('gateway', 'NATS_SEED'))))
})
