import { expect, test } from 'vitest'
import { planted } from './planted.ts'
import { checkPatch, patchesIn } from './source-tree.ts'

const patches = [...(await patchesIn('planted')), ...(await patchesIn('strange'))]

test('there is a patch for every planted bug', async () => {
  const names = [...(await patchesIn('planted')).keys()]
  expect(names).toEqual(planted.map(({ name }) => name).toSorted())
})

test.each(patches)('the patch %s still applies to the source', async (_, path) => {
  await expect(checkPatch(path)).resolves.toBeUndefined()
})
