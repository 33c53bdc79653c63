import { expect, test } from 'vitest'
import { startDirectory } from './service.ts'

test('production refuses the switch that lets peers be at private addresses', async () => {
  const config = { ALLOW_PRIVATE_PEERS: true, NODE_ENV: 'production' }
  await expect(startDirectory({ config } as never)).rejects.toMatchObject({
    code: 'UNSAFE_CONFIGURATION',
    message: expect.stringMatching(/ALLOW_PRIVATE_PEERS/),
  })
})
