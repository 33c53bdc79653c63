// Bundles the service of the current folder into dist/main.js.
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { bundle } from './bundle.mjs'

await rm('dist', { recursive: true, force: true })
await bundle({ main: resolve('src/main.ts') }, resolve('dist'))
