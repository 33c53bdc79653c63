import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { special4, special6 } from '@mailx/federation/public-address'
import { withValuesTable } from './readme-table.ts'
import { serviceFacts } from './service-facts.ts'
import { root } from './services.ts'
import { valuesSchema } from './values-schema.ts'
import { valuesYaml } from './values-yaml.ts'

export const chartDir = join(root, 'charts/mailx')

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

const inCidr = ([network, prefix]: readonly [string, number]) => `${network}/${prefix}`

/** The files of the chart that are made from the services' config schemas, by path in the chart. */
export const chartFiles = (): Readonly<Record<string, string>> => ({
  'values.yaml': valuesYaml(),
  'values.schema.json': json(valuesSchema()),
  'files/services.json': json(serviceFacts()),
  'files/not-the-internet.json': json({ ipv4: special4.map(inCidr), ipv6: special6.map(inCidr) }),
  'README.md': withValuesTable(readFileSync(join(chartDir, 'README.md'), 'utf8')),
})
