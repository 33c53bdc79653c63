import { randomBytes } from 'node:crypto'
import { type Deployment, type DeploymentPorts, serviceNames } from '@mailx/dev-tool/deployment'
import { type TcpProxy, tcpProxy } from '@mailx/testing/tcp-proxy'

/** What a door does with answers. It goes back to `none` after `times`. */
export type Trouble = 'none' | 'reset before the reply' | 'garbage'

export type Door = TcpProxy & {
  /** The next `times` answers meet with the trouble. */
  make(trouble: Trouble, times: number): void
  /** How many answers have met with one so far. */
  troubled(): number
}

/** The ways into a deployment, each by a proxy that shares it out among the instances. */
export type Doors = {
  readonly client: Door
  readonly https: Door
  readonly peer: Door
  /** Between the services of the deployment; none when they are one process. */
  readonly inner: readonly Door[]
  stop(): Promise<void>
}

/** Listens on everything where the deployment is reached, and passes it on to where its processes listen. */
export async function openDoors(deployment: Deployment, separate: boolean): Promise<Doors> {
  const { ports, listens } = deployment
  const door = (portOf: (ports: DeploymentPorts) => number) =>
    openDoor(
      portOf(ports),
      listens.map((one) => ({ port: portOf(one) })),
    )
  const names = separate ? serviceNames : []
  const [client, https, peer, ...inner] = await Promise.all([
    door((one) => one.client),
    door((one) => one.https),
    door((one) => one.peer),
    ...names.map((name) => door((one) => one.services[name].grpc)),
  ])
  return {
    client,
    https,
    peer,
    inner,
    async stop() {
      await Promise.all([client, https, peer, ...inner].map((one) => one.stop()))
    },
  }
}

/** An answer is what comes after so many bytes have gone in: more than a ping, less than a batch. */
const ASKED_BYTES = 1_000

async function openDoor(port: number, target: readonly { readonly port: number }[]): Promise<Door> {
  const state = { trouble: 'none' as Trouble, times: 0, troubled: 0 }
  const meets = (): Trouble => {
    const { trouble } = state
    if (trouble === 'none') return trouble
    state.troubled += 1
    state.times -= 1
    if (state.times <= 0) state.trouble = 'none'
    return trouble
  }
  const proxy = await tcpProxy({
    port,
    target,
    tap({ cut }) {
      let asked = 0
      return {
        toTarget(piece) {
          asked = state.trouble === 'none' ? 0 : asked + piece.length
          return piece
        },
        fromTarget(piece) {
          if (asked < ASKED_BYTES) return piece
          asked = 0
          switch (meets()) {
            case 'none':
              return piece
            case 'garbage':
              return randomBytes(piece.length)
            case 'reset before the reply':
              cut()
              return undefined
          }
        },
      }
    },
  })
  return Object.assign(proxy, {
    make(trouble: Trouble, times: number) {
      state.trouble = trouble
      state.times = times
    },
    troubled: () => state.troubled,
  })
}
