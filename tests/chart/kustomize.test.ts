import { join } from 'node:path'
import { chartDir } from '@mailx/chart-tool/chart-files'
import { publicKeyVariable } from '@mailx/privileges/nats-permissions'
import { principals } from '@mailx/privileges/services'
import { beforeAll, expect, test } from 'vitest'
import { kustomize } from './kubectl.ts'
import { unknownFields } from './kubernetes-types.ts'
import { called, type Manifest, ofKind, parseManifests, podsOf, render } from './manifest.ts'
import { restricted, sized } from './pod-policies.ts'
import { missingReferences, selectors } from './reference-policies.ts'
import { schemaProblem } from './schemas.ts'

const folder = join(chartDir, '../../k8s/dev')
const values = join(folder, 'values.yaml')
let manifests: readonly Manifest[]

beforeAll(async () => {
  manifests = parseManifests(await kustomize(folder))
})

test('the overlay has a namespace, a secret and three servers, all in that namespace', () => {
  expect(manifests.map(called).toSorted()).toEqual([
    'ConfigMap/nats',
    'Deployment/valkey',
    'Namespace/mail',
    'Secret/mailx-servers',
    'Service/nats',
    'Service/postgres',
    'Service/valkey',
    'StatefulSet/nats',
    'StatefulSet/postgres',
  ])
  const others = manifests.filter(({ kind }) => kind !== 'Namespace')
  expect(new Set(others.map(({ metadata }) => metadata['namespace']))).toEqual(new Set(['mail']))
})

test('Kubernetes knows every field, and every object is as its schema wants it', async () => {
  expect(manifests.flatMap(unknownFields)).toEqual([])
  const problems = await Promise.all(manifests.map((manifest) => schemaProblem(manifest)))
  expect(problems.filter((problem) => problem !== undefined)).toEqual([])
})

test('the servers keep to the restricted profile, and say what they need', () => {
  expect(podsOf(manifests).length).toBe(3)
  expect([...restricted(manifests), ...sized(manifests)]).toEqual([])
})

test('what is mounted is there, and what is selected, too', () => {
  expect(missingReferences(manifests, ['mailx-access-nats'])).toEqual([])
  expect(missingReferences(manifests, [])).toHaveLength(1)
  expect(selectors(manifests)).toEqual([])
})

test('the chart takes its servers from the overlay', async () => {
  const rendered = await render({ values: [values] })
  expect(missingReferences(rendered, ['mailx-servers'])).toEqual([])
  expect(missingReferences(rendered, [])).not.toEqual([])
  const [secret] = ofKind(manifests, 'Secret')
  const keys = Object.keys(secret?.['data'] as object)
  const wanted = JSON.stringify(rendered).match(/"(?:postgres-owner|nats|redis)-url"/g) ?? []
  expect(new Set(wanted.map((key) => JSON.parse(key) as string))).toEqual(
    new Set(['postgres-owner-url', 'redis-url']),
  )
  expect(keys).toEqual(expect.arrayContaining(wanted.map((key) => JSON.parse(key) as string)))
})

test("the chart's Job makes what NATS waits for, and every service has a user there", async () => {
  const rendered = await render({ values: [values] })
  const [role] = ofKind(rendered, 'Role').filter(({ metadata }) => metadata.name === 'mailx-access')
  expect(JSON.stringify(role?.['rules'])).toContain('"mailx-access-nats"')
  const [config] = ofKind(manifests, 'ConfigMap')
  const conf = String(config?.['data']['nats.conf'])
  for (const name of principals) expect(conf).toContain(`nkey: $${publicKeyVariable(name)},`)
})
