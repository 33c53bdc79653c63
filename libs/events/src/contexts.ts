/**
 * The contexts of the log. Each has one writing service; everybody may read. `partitions: 'one'`
 * marks what changes seldom: a single gapless sequence, so that a fold of it sees everything in the
 * order in which it happened.
 */
export const contexts = {
  identity: { writer: 'identity', partitions: 'one' },
  submission: { writer: 'gateway', partitions: 'many' },
  reception: { writer: 'inbound-federation', partitions: 'many' },
  delivery: { writer: 'outbound-federation', partitions: 'many' },
  mailbox: { writer: 'storage', partitions: 'many' },
  directory: { writer: 'directory', partitions: 'one' },
  transparency: { writer: 'transparency', partitions: 'one' },
} as const satisfies { [context: string]: { writer: string; partitions: 'one' | 'many' } }

export type Context = keyof typeof contexts

export const contextNames = Object.keys(contexts) as readonly Context[]
