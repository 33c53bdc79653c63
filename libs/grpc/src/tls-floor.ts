import { constants } from 'node:crypto'

/** TLS 1.3 and no session tickets: every connection shows its certificate anew. */
export const tlsFloor = {
  minVersion: 'TLSv1.3',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const
