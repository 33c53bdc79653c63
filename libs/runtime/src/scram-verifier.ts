import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

/**
 * What Postgres keeps of a password (RFC 5803, SCRAM-SHA-256). Handed over in place of the password, it
 * keeps that out of statements, and so out of the server's log.
 */
export function scramVerifier(password: string, salt: Uint8Array, iterations = 4096): string {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256')
  const key = (name: string) => createHmac('sha256', salted).update(name).digest()
  const stored = createHash('sha256').update(key('Client Key')).digest('base64')
  const server = key('Server Key').toString('base64')
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString('base64')}$${stored}:${server}`
}
