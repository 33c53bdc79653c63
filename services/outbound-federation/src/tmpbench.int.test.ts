import { eventually } from '@mailx/testing/eventually'
import { test } from 'vitest'
import { outboundRig } from './testing/outbound-rig.ts'

test('bench', async () => {
  const rig = await outboundRig({ PEER_TIMEOUT_MS: '20000', LOG_PARTITIONS: '4' })
  const peer = await rig.addPeer('b.test')
  const N = 6000
  const submitAll = async (n: number) => {
    for (let i = 0; i < n; i += 500)
      await Promise.all(Array.from({ length: 500 }, (_, k) => rig.submit({ from: `u${(i + k) % 200}@a.test`, to: [`r${(i * 7 + k * 13) % 311}@b.test`], contentBytes: 2000 })))
  }
  await submitAll(N)
  const cpu0 = process.cpuUsage(); const t0 = performance.now()
  const outbound = await rig.start()
  const done = (n: number) => eventually(async () => (await rig.pool.query("select count(*)::int as n from outbound.outcomes where final is not null")).rows[0].n >= n, { timeoutMs: 60000, everyMs: 50 })
  await done(N)
  let ms = performance.now() - t0; let cpu = process.cpuUsage(cpu0)
  console.log('BACKLOG', N, 'in', ms.toFixed(0), 'ms', (N / ms * 1000).toFixed(0), '/s; cpu us/msg', ((cpu.user + cpu.system) / N).toFixed(0), 'batches', peer.batches.length)
  const b0 = peer.batches.length
  const cpu1 = process.cpuUsage(); const t1 = performance.now()
  await submitAll(N)
  console.log('submitted in', performance.now() - t1)
  await done(2 * N)
  ms = performance.now() - t1; cpu = process.cpuUsage(cpu1)
  console.log('LIVE', N, 'in', ms.toFixed(0), 'ms', (N / ms * 1000).toFixed(0), '/s; cpu us/msg', ((cpu.user + cpu.system) / N).toFixed(0), 'batches', peer.batches.length - b0)
  await outbound.stop()
  await rig.stop()
}, 120000)
