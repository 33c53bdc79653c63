import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Binary, findBinary } from '@mailx/backends/find-binary'
import { freePort } from '@mailx/backends/free-port'
import { prometheusProgram } from '@mailx/backends/prometheus-program'
import { MailxError } from '@mailx/errors/mailx-error'

export type Prometheus = { readonly url: string; readonly stop: () => Promise<void> }

const READY_WITHIN_MS = 30_000

const sayOnStderr = (line: string) => process.stderr.write(`${line}\n`)

/** The machine's `prometheus`, fetched if need be. Throws what helps where there is none to be had. */
export async function findPrometheus(): Promise<Binary> {
  try {
    return await findBinary(prometheusProgram, sayOnStderr)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `there is no Prometheus to be had (sudo apt-get install prometheus, brew install prometheus, or name one by MAILX_PROMETHEUS):\n${why}`
    throw new MailxError('FAILED_PRECONDITION', message, { cause })
  }
}

/** Runs Prometheus over ops ports (host:port), in a folder that goes with it. `labels` are added to all. */
export async function startPrometheus(
  targets: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): Promise<Prometheus> {
  const { env, file } = await findPrometheus()
  const folder = await mkdtemp(join(tmpdir(), 'mailx-prometheus-'))
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    scrape_configs: [{ job_name: 'mailx', static_configs: [{ targets, labels }] }],
  }
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const port = await freePort()
  const child = spawn(
    file,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } },
  )
  const failure = new Promise<never>((_, reject) => {
    child.once('error', (cause) => {
      reject(new MailxError('UNAVAILABLE', `${file} does not start`, { cause }))
    })
  })
  const url = `http://127.0.0.1:${port}`
  const stop = async () => {
    await ended(child)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await Promise.race([failure, ready(url)])
  } catch (error) {
    await stop()
    throw error
  }
  return { url, stop }
}

async function ready(url: string): Promise<void> {
  const until = performance.now() + READY_WITHIN_MS
  for (;;) {
    const answer = await fetch(`${url}/-/ready`).catch(() => undefined)
    if (answer?.ok === true) return
    if (performance.now() > until) {
      throw new MailxError('UNAVAILABLE', `Prometheus is not ready on ${url}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return
  const end = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await end
}
