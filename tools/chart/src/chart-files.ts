import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { special4, special6 } from '@mailx/federation/public-address'
import { withValuesTable } from './readme-table.ts'
import { natsUsers, serviceFacts } from './service-facts.ts'
import { root } from './services.ts'
import { valuesSchema } from './values-schema.ts'
import { valuesYaml } from './values-yaml.ts'

export const chartDir = join(root, 'charts/mailx')

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

const inCidr = ([network, prefix]: readonly [string, number]) => `${network}/${prefix}`

// For the server of k8s/, which is none of the chart's.
const natsConf =
  () => `# Made by npm run chart:generate; public-keys.conf is made by mailxctl k8s access.
include "public-keys.conf"
port: 4222
http_port: 8222
jetstream {
  store_dir: /data
  max_file_store: 1Gi
}
authorization {
  users: [
${Object.values(natsUsers())
  .map((user) => `    ${user}\n`)
  .join('')}  ]
}
`

/**
 * The files of the chart that are made from the services' config schemas and rights, by path in the
 * chart.
 */
export const chartFiles = (): Readonly<Record<string, string>> => ({
  'values.yaml': valuesYaml(),
  'values.schema.json': json(valuesSchema()),
  'files/services.json': json(serviceFacts()),
  'files/nats-users.json': json(natsUsers()),
  '../../k8s/servers/nats.conf': natsConf(),
  'files/not-the-internet.json': json({ ipv4: special4.map(inCidr), ipv6: special6.map(inCidr) }),
  'README.md': withValuesTable(readFileSync(join(chartDir, 'README.md'), 'utf8')),
})
