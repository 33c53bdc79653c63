import type { Server } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'

export type Health = {
  /** Says whether this server can work; NOT_SERVING until it is called. */
  readonly set: (ready: boolean) => void
  /** NOT_SERVING from here on. */
  readonly close: () => void
}

/** What every server of the process answers again when the process as a whole changed. */
const answers = new Set<() => void>()
let processReady = true

/** SERVING needs both: the server's own word and, where a runtime looks after it, the process's. */
export function setProcessReady(ready: boolean): void {
  if (ready === processReady) return
  processReady = ready
  for (const answer of answers) answer()
}

/** Adds `grpc.health.v1` to a server, for the server as a whole and each of its services. */
export function addHealth(server: Server, serviceNames: readonly string[]): Health {
  const names = ['', ...serviceNames]
  const health = new HealthImplementation(
    Object.fromEntries(names.map((name) => [name, 'NOT_SERVING' as const])),
  )
  health.addToServer(server)
  let own = false
  let told = false
  const answer = () => {
    const ready = own && processReady
    if (ready === told) return
    told = ready
    for (const name of names) health.setStatus(name, ready ? 'SERVING' : 'NOT_SERVING')
  }
  const set = (ready: boolean) => {
    own = ready
    answer()
  }
  const close = () => {
    set(false)
    answers.delete(answer)
  }
  answers.add(answer)
  return { set, close }
}
