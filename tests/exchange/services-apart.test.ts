import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Account } from '@mailx/client/account'
import { asOperator, makeCertificates } from '@mailx/dev-tool/internal-certificates'
import type { ServiceProcess } from '@mailx/dev-tool/service-process'
import type { Stack } from '@mailx/dev-tool/stack'
import { callUnary, connectGrpc } from '@mailx/grpc/client'
import { issueServiceCertificate } from '@mailx/grpc/deployment-authority'
import { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import type { Readiness } from '@mailx/runtime/readiness'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { alarmsOver } from '../runbooks/alarms.ts'
import { firstCommandsOf } from '../runbooks/pages.ts'
import { deploymentOf } from './database.ts'
import { patience, person, receive, send, settled, testStack } from './people.ts'
import { run } from './programs.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 })

// Seven processes for each domain, which know each other by their certificates alone.
let stack: Stack
let alice: Account
let bob: Account
let certificates: string

beforeAll(async () => {
  stack = await testStack(
    'services-apart',
    { a: ['a.test'], b: ['b.test'] },
    { separate: true, tracing: false, readyWithinMs: 200_000 },
  )
  certificates = resolve(stack.logDir, '..', 'certificates', 'a')
  alice = await person(stack, 'alice@a.test')
  bob = await person(stack, 'bob@b.test')
})

afterAll(async () => {
  for (const { transport } of [alice, bob]) transport.close()
  await stack.stop()
})

const exchange = async () => {
  const id = await send(alice, { to: ['bob@b.test'], subject: 'Apart', body: 'Still together.' })
  const { payload } = await receive(bob, id)
  expect(payload).toMatchObject({ subject: 'Apart', from: 'alice@a.test' })
  await settled(alice, id, { 'bob@b.test': 'delivered' })
}

const processOf = (name: string): ServiceProcess => {
  const found = stack.deployments[0]?.processes.find((one) => one.name === name)
  if (found === undefined) throw new Error(`a runs no ${name}`)
  return found
}

async function certificateCheck(name: string) {
  const response = await fetch(`http://127.0.0.1:${processOf(name).opsPort}/readyz`)
  const { checks } = (await response.json()) as Readiness
  const check = checks.find((one) => one.name === 'internal certificate')
  return { status: response.status, ...check }
}

test('a message goes its whole way, and no service was refused anything that it asked', async () => {
  await exchange()
  const logs = readdirSync(stack.logDir).map((file) =>
    readFileSync(join(stack.logDir, file), 'utf8'),
  )
  expect(logs).toHaveLength(16)
  for (const log of logs) {
    expect(log).not.toMatch(/refused a c(all|onnection)|permission denied|permissions violation/i)
  }
})

test('identity does not listen to whoever shows no certificate, or one of another deployment', async () => {
  const [a, b] = stack.deployments
  const address = a?.deployment.env['IDENTITY_ADDRESS'] ?? ''
  const plain = connectGrpc(IdentityServiceClient, address)
  const stranger = await asOperator(b!.deployment.certificates, join(certificates, 'of-b'))
  const strange = stranger.internal.connect('identity', IdentityServiceClient, address)
  for (const client of [plain, strange]) {
    await expect(callUnary(client.listDomains, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    client.close()
  }
  stranger.stop()
})

test('a certificate that is no good is told of in readiness, and mail goes on with the last good one', async () => {
  const good = readFileSync(join(certificates, 'storage.crt'))
  const { authority } = await makeCertificates('a')
  writeFileSync(join(certificates, 'storage.crt'), authority.certPem)
  await eventually(async () => {
    const detail = 'GRPC_KEY_FILE is not the key of GRPC_CERT_FILE'
    expect(await certificateCheck('storage')).toMatchObject({ status: 200, ok: true, detail })
  }, patience)
  await exchange()
  writeFileSync(join(certificates, 'storage.crt'), good)
  await eventually(async () => {
    expect((await certificateCheck('storage')).detail).toBeUndefined()
  }, patience)
})

test('the runbook of a certificate that runs out, from the alert to the end', async () => {
  const { deployment } = deploymentOf(stack, 'a')
  const { authority } = deployment.certificates
  const files = ['crt', 'key'].map((end) => join(certificates, `storage.${end}`))
  const good = files.map((file) => readFileSync(file))
  const env = {
    ...deployment.envOf('operator'),
    OPS_URLS: `http://127.0.0.1:${processOf('storage').opsPort}`,
  }
  const firstCommands = async () => {
    const outcomes = firstCommandsOf('certificate-expiring').map((command) =>
      run('mailxctl', command.split(' ').slice(1), { env }),
    )
    return (await Promise.all(outcomes)).map(({ stdout }) => stdout).join('\n')
  }
  const runsOut = /! the certificate of spiffe:\/\/\S+\/storage runs out in 2[34] hours/

  const now = Date.now()
  const day = { notBefore: now - HOUR_MS, notAfter: now + 24 * HOUR_MS }
  const { certPem, keyPem } = await issueServiceCertificate(authority, { name: 'storage', ...day })
  for (const [index, text] of [certPem, keyPem].entries()) writeFileSync(files[index]!, text)
  await eventually(async () => expect(await firstCommands()).toMatch(runsOut), patience)
  const alarms = await alarmsOver([new URL(env.OPS_URLS).host])
  await alarms.fires('MailxCertificateExpiring')
  await exchange()

  for (const [index, text] of good.entries()) writeFileSync(files[index]!, text)
  await eventually(async () => expect(await firstCommands()).not.toMatch(runsOut), patience)
  await alarms.ends('MailxCertificateExpiring')
  await alarms.stop()
  await exchange()
})

const HOUR_MS = 60 * 60 * 1000
