import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { photograph } from './disks.ts'
import type { Fault, Occasion } from './fault.ts'
import { postgresPids } from './postgres-server.ts'
import { freezeAll, signal } from './processes.ts'
import { type Disks, type Rig } from './rig.ts'
import { killEverything } from './services-killed.ts'

function disksOf({ disks }: Rig): Disks {
  if (disks === undefined) throw new Error('this stack has no disks of its own')
  return disks
}

const full = (
  name: string,
  which: 'data' | 'nats',
  selected: boolean,
  after: (rig: Rig) => Promise<void>,
): Fault => ({
  name,
  rounds: 2,
  selected,
  async inject({ rig, random }: Occasion) {
    const disk = disksOf(rig)[which]
    try {
      await disk.fill()
      await delay(random.int(3_000, 5_000))
    } finally {
      await disk.free()
    }
    await after(rig)
    return { since: performance.now() }
  },
})

/** Postgres may not get through its recovery on a full disk, and gives up: somebody has to start it again. */
async function restartPostgres({ servers: { postgres } }: Rig): Promise<void> {
  if (postgres.pid === undefined) await postgres.restart()
}

/** nats-server switches JetStream off for good when its disk is full: somebody has to start it again. */
async function restartNats({ servers: { nats } }: Rig): Promise<void> {
  await nats.kill()
  await nats.restart()
}

/**
 * The disks are photographed while nothing runs on, and everything that ran is killed and starts on what
 * the photographs hold: what was written and not flushed is gone. All who could have told a client of
 * something stand still from before the photograph on.
 */
const powerLoss: Fault = {
  name: 'power loss of the whole stack',
  rounds: 5,
  selected: true,
  recovery: 'everything',
  async inject({ rig }) {
    const { data, nats, outer } = disksOf(rig)
    const disks = [data, nats].map((disk, index) => ({
      disk,
      photo: join(outer.path, `photo-${index}`),
    }))
    const postgres = await postgresPids(rig.servers.postgres)
    freezeAll(rig, postgres)
    for (const { disk, photo } of disks) await photograph(disk.image, photo)
    const since = await killEverything(rig, async () => {
      // Those that stand still do not notice that their server was killed, and hold its files.
      signal(postgres, 'SIGKILL')
      for (const { disk, photo } of disks) await disk.becomes(photo)
    })
    return { since }
  },
}

export const diskFaults: readonly Fault[] = [
  full("Postgres' disk full", 'data', true, restartPostgres),
  full("JetStream's disk full", 'nats', false, restartNats),
  powerLoss,
]
