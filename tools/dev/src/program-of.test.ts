import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { fromCheckout } from './program-of.ts'

test('services run by the same switches of Node in the image as out of a checkout', async () => {
  const words = fromCheckout()('gateway', {})
  const switches = words.filter((word) => word.startsWith('--')).join(' ')
  expect(switches).toContain('--disable-sigusr1')
  const dockerfile = await readFile(new URL('../../../Dockerfile', import.meta.url), 'utf8')
  expect(dockerfile).toContain(`exec node ${switches} /opt/mailx/app/launch.mjs `)
})
