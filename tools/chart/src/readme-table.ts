import { documentedValues } from './document-values.ts'

export const tableStart = '<!-- values: made by npm run chart:generate -->'
export const tableEnd = '<!-- end of values -->'

/** The README with the table of values in the place that is marked for it. */
export function withValuesTable(readme: string): string {
  const from = readme.indexOf(tableStart)
  const to = readme.indexOf(tableEnd)
  if (from === -1 || to < from) throw new Error('README.md has no place for the table of values')
  return `${readme.slice(0, from)}${tableStart}\n\n${table()}\n${readme.slice(to)}`
}

function table(): string {
  const rows = documentedValues()
    // The blocks of services have the shape of `defaults`; all-in-one has the variables of the seven.
    .filter(({ path }) => path[0] !== 'services' || path.length === 2 || path[2] === 'config')
    .filter(({ path }) => !(path.includes('all-in-one') && path.length > 2))
    .filter(({ path, isGroup }) => !(isGroup && path.length > 2 && path[0] === 'services'))
    .filter(({ doc }) => doc !== '')
    .map(({ path, doc, value, isGroup }) => [
      `\`${path.join('.')}\``,
      escape(doc),
      isGroup || value === undefined ? '' : escape(`\`${JSON.stringify(value)}\``),
    ])
  return [['value', 'what it is', 'default'], ['---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('')
}

const escape = (text: string) => text.replaceAll('|', '\\|')
