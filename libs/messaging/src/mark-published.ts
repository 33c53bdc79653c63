import type { Sql } from '@mailx/event-log/sql'
import type { Range } from './published-ranges.ts'

const mark = 'select partition, published from log.mark_published($1, $2, $3)'

/**
 * Moves the mark of each partition over a range that continues it; a range that would leave a gap
 * moves nothing, nor does one in a partition to which this process may not append. Returns where the
 * marks are now.
 */
export async function markPublished(
  sql: Sql,
  ranges: readonly (Range & { readonly partition: string })[],
): Promise<{ partition: string; published: bigint }[]> {
  const { rows } = await sql.query<{ partition: string; published: string }>({
    name: 'log.mark-published',
    text: mark,
    values: [
      ranges.map(({ partition }) => partition),
      ranges.map(({ first }) => first.toString()),
      ranges.map(({ last }) => last.toString()),
    ],
  })
  return rows.map(({ partition, published }) => ({ partition, published: BigInt(published) }))
}
