import { crc32 } from 'node:zlib'

export const partitionName = (context: string, index: number): string => `${context}-${index}`

/** Which of a context's partitions holds a key. Fixed for ever: the streams lie there. */
export const partitionIndex = (key: string, partitions: number): number =>
  partitions === 1 ? 0 : crc32(key) % partitions
