import * as z from 'zod'

const duration = (hours: number) =>
  z
    .string()
    .regex(/^[1-9][0-9]*h$/)
    .default(`${hours}h`)

/** Mutual TLS between the seven services. All in one, there is nothing between them. */
export const internalTlsShape = z
  .strictObject({
    deployment: z
      .string()
      .regex(/^([a-z0-9][a-z0-9._-]{0,253})?$/)
      .default('')
      .describe(
        'In the certificates: spiffe://<deployment>/<service>. Namespace and full name when empty.',
      ),
    existingSecret: z
      .string()
      .default('')
      .describe(
        'Secrets of yours, one for each service, with ca.crt, tls.crt and tls.key; {service} stands for the service.',
      ),
    certManager: z
      .strictObject({
        enabled: z.boolean().default(false).describe('A Certificate for each service.'),
        issuerRef: z
          .strictObject({
            name: z.string().default('').describe('Of an issuer of yours.'),
            kind: z.enum(['Issuer', 'ClusterIssuer']).default('Issuer').describe('Its kind.'),
          })
          .prefault({})
          .describe('Left empty: an authority of its own, which the chart makes.'),
        duration: duration(168).describe('How long a certificate is good.'),
        renewBefore: duration(84).describe('How long before its end it is renewed.'),
      })
      .prefault({})
      .describe('Needs cert-manager.'),
  })
  .prefault({})
  .describe(
    'By which certificates the services know each other. Left empty: a Job of the chart issues them, where secrets.generate is on, and a CronJob renews them. All are followed without a restart.',
  )
