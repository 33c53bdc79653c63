import type { NatsConnection } from '@nats-io/nats-core'

const states = new WeakMap<NatsConnection, { connected: boolean }>()

/** Whether the connection has a server at this moment; it looks for one by itself. */
export function isConnected(connection: NatsConnection): boolean {
  let state = states.get(connection)
  if (state === undefined) {
    state = { connected: true }
    states.set(connection, state)
    void watch(connection, state)
  }
  return state.connected && !connection.isClosed()
}

async function watch(connection: NatsConnection, state: { connected: boolean }): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === 'disconnect' || type === 'staleConnection') state.connected = false
    if (type === 'reconnect') state.connected = true
  }
}
