const untrusted = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]
const noTls = [
  'The server does not support SSL connections',
  "server does not support 'tls'",
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
]
const DEEPEST_CAUSE = 5

/** What the variables of a server begin with: DATABASE_URL, DATABASE_CA_FILE. */
export type ServerPrefix = 'DATABASE' | 'NATS' | 'REDIS'

/**
 * In plain words what is wrong with TLS towards a server, when that is what an error is about: as
 * Node, pg, NATS and ioredis report it, or as the cause of what they report.
 */
export function tlsTrouble(error: unknown, prefix: ServerPrefix): string | undefined {
  for (let one = error, depth = 0; one instanceof Error && depth < DEEPEST_CAUSE; depth++) {
    const words = wordsFor(one, prefix)
    if (words !== undefined) return words
    one = one.cause
  }
  return undefined
}

function wordsFor(error: Error & { code?: string; reason?: string }, prefix: ServerPrefix) {
  const { code = '', message, reason } = error
  if (untrusted.includes(code)) {
    return `its certificate is of an authority that is not trusted here: ${prefix}_CA_FILE has to hold that authority (${code})`
  }
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'its certificate, or an authority above it, has expired: renew it'
    case 'CERT_NOT_YET_VALID':
      return "its certificate is not valid yet, or this machine's clock is behind"
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is for another name than the one in ${prefix}_URL: ${reason ?? message}`
    default:
  }
  if (noTls.includes(code) || noTls.includes(message)) {
    return `it speaks no TLS, and nothing goes to it in plain text: give it a certificate, or correct ${prefix}_URL`
  }
  if (/^ERR_SSL_.*_ALERT_/.test(code)) {
    return `it refuses the handshake, perhaps for the certificate in ${prefix}_CERT_FILE (${code})`
  }
  return undefined
}
