import { equal, ok } from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { exchangeMessage } from '@mailx/dev-tool/exchange'
import { startStack } from '@mailx/dev-tool/stack'
import type { Engine } from './engine.ts'
import { programInImage, removeContainers } from './in-image.ts'

// Fourteen containers that start at once, on a machine that may have other work.
const READY_WITHIN_MS = 300_000

type Setting = {
  readonly image: string
  readonly folder: string
  readonly separate: boolean
  /** What every container tells of itself. */
  readonly version: string
}

const isWhole = (spans: readonly { readonly name: string }[]) =>
  spans.some(({ name }) => name.startsWith('push'))

/**
 * Two deployments and the client of two people, all from the image, with servers and DNS on this
 * machine: register, watch, send, read; and every container tells its version. Throws with the services' last words when it does not work.
 */
export async function checkExchange(
  engine: Engine,
  { image, folder, separate, version }: Setting,
): Promise<string> {
  const said: string[] = []
  const programOf = programInImage(engine, image, `${folder}-secrets`)
  try {
    const say = (line: string) => said.push(line)
    const readyWithinMs = READY_WITHIN_MS
    const stack = await startStack({ separate, folder, programOf, say, readyWithinMs })
    try {
      const began = performance.now()
      const people = { from: 'alice@a.test', to: 'bob@b.test' }
      const { messageId, traceId } = await exchangeMessage(stack.client, people, () => {})
      const took = ((performance.now() - began) / 1000).toFixed(1)
      const spans = (await stack.traces?.waitForTrace(traceId, isWhole, 20_000)) ?? []
      ok(isWhole(spans), 'the trace does not reach the recipient')
      const running = stack.deployments.flatMap(({ processes }) => processes)
      equal(running.length, separate ? 14 : 2)
      for (const { name, opsPort } of running) equal(await toldVersion(opsPort), version, name)
      return `${running.length} containers of ${version}; message ${messageId} in ${took} s, ${spans.length} spans`
    } finally {
      await stack.stop()
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error([why, ...said, await lastWords(`${folder}/logs`)].join('\n'), { cause: error })
  } finally {
    // A client that was killed leaves its container behind.
    await removeContainers(engine)
  }
}

async function toldVersion(opsPort: number): Promise<string | undefined> {
  const response = await fetch(`http://127.0.0.1:${opsPort}/metrics`)
  return /^mailx_build_info\{.*\bversion="([^"]*)"/m.exec(await response.text())?.[1]
}

async function lastWords(folder: string): Promise<string> {
  const files = await readdir(folder).catch(() => [])
  const tails = files.map(async (name) => {
    const lines = (await readFile(`${folder}/${name}`, 'utf8')).trim().split('\n')
    return [`${name}:`, ...lines.slice(-4)].join('\n  ')
  })
  return (await Promise.all(tails)).join('\n')
}
