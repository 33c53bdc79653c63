import pg from 'pg'

// Of the streaming replication protocol: what a replica reports, and how often it has to.
const STATUS = 'r'.charCodeAt(0)
const REPORT_EVERY_MS = 1_000

type Duplex = { sendCopyFromChunk(chunk: Buffer): void }

/** Streams the WAL of a server, as a replica does, and reports that it has replayed none of it. */
export async function replicaThatReplaysNothing(url: string): Promise<{ end(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url, replication: 'true' } as pg.ClientConfig)
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ xlogpos: string }>('IDENTIFY_SYSTEM')
  const from = rows[0]?.xlogpos ?? '0/0'
  // Never resolves: the answer is the stream.
  client.query(`START_REPLICATION PHYSICAL ${from}`).catch(() => {})
  const connection = (client as unknown as { connection: Duplex }).connection
  const report = () => connection.sendCopyFromChunk(statusAt(from))
  const timer = setInterval(report, REPORT_EVERY_MS)
  return {
    async end() {
      clearInterval(timer)
      await client.end()
    },
  }
}

/** A standby status update: written, flushed and replayed up to here. */
function statusAt(position: string): Buffer {
  const [high = '0', low = '0'] = position.split('/')
  const at = (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
  const message = Buffer.alloc(34)
  message.writeUInt8(STATUS, 0)
  for (const offset of [1, 9, 17]) message.writeBigUInt64BE(at, offset)
  return message
}
