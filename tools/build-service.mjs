// Bundles the service of the current folder into dist/main.js. MailX's own packages are inlined;
// those from npm stay outside, where OpenTelemetry can patch them and native ones find their files.
// Folders that the code reaches by `new URL('…/', import.meta.url)` (migrations) come along.
import { cp, readFile, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const isOwn = (path) => /^[./#]|^@mailx\//.test(path)
const folderOf = /new URL\('(\.[^']*\/)', import\.meta\.url\)/g

const npmStaysOutside = {
  name: 'npm-stays-outside',
  setup({ onResolve }) {
    onResolve({ filter: /^/ }, ({ path, kind }) =>
      kind === 'entry-point' || isOwn(path) ? undefined : { path, external: true },
    )
  },
}

const foldersComeAlong = {
  name: 'folders-come-along',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const folders = [...source.matchAll(folderOf)].map(([, folder]) => folder)
      for (const folder of folders) {
        const from = join(dirname(path), folder)
        await cp(from, join('dist', nameOf(from)), { recursive: true })
      }
      const contents = source.replaceAll(
        folderOf,
        (_, folder) => `new URL('./${nameOf(join(dirname(path), folder))}/', import.meta.url)`,
      )
      return { contents, loader: 'ts' }
    })
  },
}

/** libs/event-log/migrations/ → libs-event-log-migrations */
const nameOf = (folder) => relative(root, folder).replace(/\/$/, '').replaceAll('/', '-')

await rm('dist', { recursive: true, force: true })
await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.js',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  sourcemap: true,
  logLevel: 'warning',
  plugins: [npmStaysOutside, foldersComeAlong],
})
