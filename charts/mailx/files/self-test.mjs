// What `helm test` runs: registers somebody at DOMAIN, writes to the same address, and reads what came.
// On its way are DNS, the well-known document, the gateway, the log, storage, and back. MAILX is the
// command of the client.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const { DOMAIN, MAILX = 'node /opt/mailx/app/launch.mjs mailx' } = process.env
const [file, ...first] = MAILX.split(' ')
const env = { ...process.env, MAILX_HOME: mkdtempSync(join(tmpdir(), 'self-test-')), NO_COLOR: '1' }
const run = promisify(execFile)

const address = `self-test-${randomBytes(6).toString('hex')}@${DOMAIN}`
const secret = randomBytes(12).toString('hex')

try {
  await mailx('register', address, '--unprotected')
  console.log(`${address} is registered: DNS, the document and identity are right`)
  const { messageId } = JSON.parse(
    await mailx(
      '--json',
      'send',
      '--to',
      address,
      '--subject',
      'helm test',
      '--no-copy',
      '--body',
      secret,
    ),
  )
  console.log(`message ${messageId} is accepted: it is in the log`)
  await mailx('inbox', '--all', '--wait', '60')
  const text = await mailx('read', messageId)
  if (!text.includes(secret)) throw new Error(`what arrived is not what was sent:\n${text}`)
  console.log('it was delivered, fetched, opened and verified')
} catch (error) {
  console.error(error.stderr || error.message)
  console.error(
    '\nmailx is not working for this domain; the last line above says which step failed.',
  )
  process.exitCode = 1
}

async function mailx(...args) {
  const { stdout } = await run(file, [...first, ...args], { env, timeout: 120_000 })
  return stdout
}
