import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartDir, chartFiles } from './chart-files.ts'

// npm run chart:generate: writes what is made of the schemas.
for (const [path, text] of Object.entries(chartFiles())) writeFileSync(join(chartDir, path), text)
