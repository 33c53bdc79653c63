import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { eventually } from '@mailx/testing/eventually'
import { expect, test } from 'vitest'
import { fromCheckout } from './program-of.ts'

test.runIf(process.platform === 'linux')(
  'services run where no core dump may be written, in the process that was started',
  async () => {
    const [file, ...words] = fromCheckout()('gateway', {})
    expect(words.at(-1)).toMatch(/gateway\/src\/main\.ts$/)
    const forever = ['-e', 'setInterval(() => {}, 1000)']
    const child = spawn(file, [...words.slice(0, -1), ...forever], { stdio: 'ignore' })
    try {
      const own = (name: string) => readFile(`/proc/${child.pid}/${name}`, 'utf8')
      await eventually(async () => expect(await own('cmdline')).toContain(process.execPath))
      await eventually(async () => expect(await own('comm')).not.toBe('sh\n'))
      expect(await own('limits')).toMatch(/^Max core file size +0 +0 /m)
      expect((await own('cmdline')).split('\0')).toContain('--disable-sigusr1')
    } finally {
      child.kill('SIGKILL')
    }
  },
)
