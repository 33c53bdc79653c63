import * as z from 'zod'

/** By which authorities a server outside the chart is known: with them nothing goes there but by TLS. */
export const serverTls = (server: string) =>
  z
    .strictObject({
      existingSecret: z
        .string()
        .regex(/^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$/)
        .default('')
        .describe(
          `A Secret of yours with ca.crt, the authorities of ${server}'s certificate: then nothing goes there but by TLS. Followed without a restart.`,
        ),
      clientCertificate: z
        .boolean()
        .default(false)
        .describe('The Secret has tls.crt and tls.key, too: what the server wants to see.'),
    })
    .prefault({})
    .describe('TLS on the way there.')
