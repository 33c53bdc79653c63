import { contexts } from '@mailx/events/contexts'
import { expect, test } from 'vitest'
import { watchingRole } from './postgres-grants.ts'
import {
  principals,
  rightsOf,
  type ServiceName,
  serviceNames,
  services,
  writtenBy,
} from './services.ts'

test('a service writes exactly the contexts that name it as their writer', () => {
  for (const name of serviceNames) {
    const own = Object.entries(contexts).filter(([, { writer }]) => writer === name)
    expect(services[name].writes).toEqual(own.map(([context]) => context))
  }
})

test('a service reads what it writes: its own doubts about a commit are settled there', () => {
  for (const name of serviceNames) {
    const { reads, writes } = services[name]
    expect(reads).toEqual(expect.arrayContaining([...writes]))
  }
})

test('no announcement is heard that nobody makes, and none is made that nobody hears', () => {
  const all = serviceNames.map((name: ServiceName) => services[name])
  const said = new Set(all.flatMap(({ says }): readonly string[] => says))
  const heard = new Set(all.flatMap(({ hears }): readonly string[] => hears))
  expect([...said].toSorted()).toEqual([...heard].toSorted())
})

test('one service watches the server, and with it all of them in one', () => {
  const watching = principals.filter((name) => watchingRole(name) === 'pg_read_all_stats')
  expect(watching).toEqual(['storage', 'all-in-one'])
})

test('no two services share a schema', () => {
  expect(new Set(serviceNames.map((name) => services[name].schema)).size).toBe(serviceNames.length)
})

test('the operator writes nothing, all-in-one everything, and an unknown process is not held back', () => {
  expect(rightsOf('operator')).toEqual([])
  expect(writtenBy('all-in-one').toSorted()).toEqual(Object.keys(contexts).toSorted())
  expect(writtenBy('test').toSorted()).toEqual(Object.keys(contexts).toSorted())
  expect(principals).toHaveLength(9)
})
