import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { generatedFiles } from './generated-files.ts'

const root = join(import.meta.dirname, '..', '..', '..')

const usage = `Dashboards and alerts of MailX.

  npm run dashboards -- generate      write charts/mailx/dashboards and charts/mailx/alerts
`

const { positionals } = parseArgs({ allowPositionals: true })
if (positionals[0] === 'generate') {
  for (const [path, text] of generatedFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    process.stdout.write(`${path}\n`)
  }
} else process.stdout.write(usage)
