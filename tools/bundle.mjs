import { cp, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const isOwn = (path) => /^[./#]|^@mailx\//.test(path)
const folderOf = /new URL\('(\.[^']*\/)', import\.meta\.url\)/g

/** libs/event-log/migrations/ → libs-event-log-migrations */
const nameOf = (folder) => relative(root, folder).replace(/\/$/, '').replaceAll('/', '-')

const npmStaysOutside = (reached) => ({
  name: 'npm-stays-outside',
  setup({ onResolve }) {
    onResolve({ filter: /^/ }, ({ path, kind, importer }) => {
      if (kind === 'entry-point' || isOwn(path)) return undefined
      reached.push({ path, importer: relative(root, importer) })
      return { path, external: true }
    })
  },
})

const foldersComeAlong = (outdir) => ({
  name: 'folders-come-along',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const folders = [...source.matchAll(folderOf)].map(([, folder]) => folder)
      for (const folder of folders) {
        const from = join(dirname(path), folder)
        await cp(from, join(outdir, nameOf(from)), { recursive: true })
      }
      const contents = source.replaceAll(
        folderOf,
        (_, folder) => `new URL('./${nameOf(join(dirname(path), folder))}/', import.meta.url)`,
      )
      return { contents, loader: 'ts' }
    })
  },
})

/**
 * Bundles programs, `{ name: file }`, into `<outdir>/<name>.js`; what several of them use is in chunks
 * beside them. MailX's own packages are inlined; those from npm stay outside, where OpenTelemetry can
 * patch them and native ones find their files. Folders that the code reaches by
 * `new URL('…/', import.meta.url)` (migrations) come along. Resolves with what was imported from
 * outside: `{ path, importer }`, the importer relative to the root.
 */
export async function bundle(programs, outdir) {
  const reached = []
  await build({
    entryPoints: programs,
    outdir,
    bundle: true,
    splitting: Object.keys(programs).length > 1,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    sourcemap: true,
    logLevel: 'warning',
    absWorkingDir: root,
    plugins: [npmStaysOutside(reached), foldersComeAlong(outdir)],
  })
  return reached
}
