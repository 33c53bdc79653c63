// What the image runs: the first argument names the program, the others are for it.
import { readdirSync } from 'node:fs'

const [name = '', ...args] = process.argv.slice(2)
const programs = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.js') && !file.startsWith('chunk-'))
  .map((file) => file.slice(0, -'.js'.length))

if (programs.includes(name)) {
  process.argv.splice(2, Infinity, ...args)
  await import(`./${name}.js`)
} else {
  const found = name === '' ? 'Say which program to run' : `There is no program '${name}'`
  process.stderr.write(`${found}. There are\n${programs.map((each) => `  ${each}\n`).join('')}`)
  process.exitCode = 2
}
