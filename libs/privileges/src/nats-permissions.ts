import { contextNames } from '@mailx/events/contexts'
import { type Principal, rightsOf } from './services.ts'

/** Subjects that a NATS user may publish to and subscribe to; all others are refused. */
export type NatsPermissions = {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/** Where answers to a process go: nobody else may listen there. */
export const inboxOf = (name: string): string => `_INBOX_${name}`

const unique = (subjects: readonly string[]): readonly string[] => [...new Set(subjects)].toSorted()

export function natsPermissions(principal: Principal): NatsPermissions {
  const inbox = `${inboxOf(principal)}.>`
  if (principal === 'operator') return { publish: unique(look), subscribe: [inbox] }
  const rights = rightsOf(principal)
  return {
    publish: unique(
      rights.flatMap(({ reads, says, writes }) => [
        ...writes.flatMap(writeStream),
        ...reads.flatMap(readStream),
        ...says,
      ]),
    ),
    subscribe: unique([inbox, ...rights.flatMap(({ hears }) => hears)]),
  }
}

const writeStream = (context: string): string[] => [
  `log.${context}.*`,
  `$JS.API.STREAM.INFO.LOG_${context}`,
  `$JS.API.STREAM.CREATE.LOG_${context}`,
]

const readStream = (context: string): string[] => [
  `$JS.API.STREAM.INFO.LOG_${context}`,
  `$JS.API.CONSUMER.CREATE.LOG_${context}`,
  `$JS.API.CONSUMER.CREATE.LOG_${context}.>`,
  `$JS.API.CONSUMER.INFO.LOG_${context}.*`,
  `$JS.API.CONSUMER.MSG.NEXT.LOG_${context}.*`,
]

// States, never messages.
const look = [
  '$JS.API.INFO',
  '$JS.API.STREAM.NAMES',
  '$JS.API.STREAM.LIST',
  ...contextNames.flatMap((context) => [
    `$JS.API.STREAM.INFO.LOG_${context}`,
    `$JS.API.CONSUMER.NAMES.LOG_${context}`,
    `$JS.API.CONSUMER.LIST.LOG_${context}`,
    `$JS.API.CONSUMER.INFO.LOG_${context}.*`,
  ]),
]

const list = (subjects: readonly string[]): string =>
  `{ allow: [${subjects.map((subject) => `"${subject}"`).join(', ')}] }`

/** The variable in the configuration of nats-server that stands for a principal's public nkey. */
export const publicKeyVariable = (principal: Principal): string =>
  `NKEY_${principal.replaceAll('-', '_').toUpperCase()}`

/**
 * A user as the configuration of nats-server names it, by its public nkey (U…), or by a variable ($…)
 * that stands for it.
 */
export function natsUser(principal: Principal, publicKey: string): string {
  const { publish, subscribe } = natsPermissions(principal)
  return `{ nkey: ${publicKey}, permissions: { publish: ${list(publish)}, subscribe: ${list(subscribe)} } }`
}
