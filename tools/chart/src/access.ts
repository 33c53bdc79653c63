import * as z from 'zod'

/** What makes each service the one it is, to Postgres and to NATS. */
export const accessShape = z
  .strictObject({
    existingSecret: z
      .string()
      .default('')
      .describe(
        'Secrets of yours, one for each service, with DATABASE_PASSWORD and NATS_SEED; {service} stands for the service, or for all-in-one.',
      ),
  })
  .prefault({})
  .describe(
    'A password of its own role in Postgres and the seed of its own user of NATS, for each service. Left empty: a Job of the chart makes them once, where secrets.generate is on; they outlive the release.',
  )
