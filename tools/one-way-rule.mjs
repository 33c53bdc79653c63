// Checks the one-way rule of tools/dependency-cruiser.cjs on the folder given, else on the project.
// Fails, too, when there was nothing to look at: then the rule would hold for the wrong reason.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

const project = join(import.meta.dirname, '..')
const root = resolve(process.argv[2] ?? project)
const folders = ['proto', 'libs', 'services', 'tests', 'tools']
const config = join(import.meta.dirname, 'dependency-cruiser.cjs')
const cruiser = join(project, 'node_modules/.bin/depcruise')

const present = folders.filter((folder) => existsSync(join(root, folder)))
const { summary, modules } = JSON.parse(cruise())
const seen = (folder) => modules.some(({ source }) => source.startsWith(`${folder}/`))
const unseen = folders.filter((folder) => !seen(folder))

for (const { rule, from, to } of summary.violations) {
  console.error(`${rule.name}: ${from} → ${to}`)
}
if (unseen.length > 0) console.error(`Nothing was found in ${unseen.join(', ')}`)
console.log(`${summary.totalCruised} modules, ${summary.violations.length} violations`)
process.exitCode = summary.violations.length === 0 && unseen.length === 0 ? 0 : 1

function cruise() {
  const args = [cruiser, ...present, '--config', config, '--output-type', 'json']
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 512 * 1024 * 1024 }
  return execFileSync(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
}
