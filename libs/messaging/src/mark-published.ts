import type { Sql } from '@mailx/event-log/sql'
import type { Range } from './published-ranges.ts'

// Commits without waiting for the disk: a mark that is lost costs a second publication. Rows are
// locked in order, so that two relays cannot deadlock.
const mark = `with relaxed as (
    select set_config('synchronous_commit', 'off', true)
  ), wanted as (
    select r.* from relaxed,
      unnest($1::text[], $2::bigint[], $3::bigint[]) as r(partition, first, last)
  ), locked as (
    select name, published from log.partitions where name = any($1) order by name for update
  ), moved as (
    update log.partitions p set published = w.last
      from wanted w join locked l on l.name = w.partition
      where p.name = l.name and l.published >= w.first - 1 and l.published < w.last
      returning p.name, p.published
  )
  select l.name as partition, coalesce(m.published, l.published) as published
    from locked l left join moved m on m.name = l.name`

/**
 * Moves the mark of each partition over a range that continues it; a range that would leave a gap
 * moves nothing. Returns where the marks are now.
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
