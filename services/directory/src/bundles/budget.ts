import type { CurrentKeys } from '@mailx/crypto/current-keys'
import { concat, toHex, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { byteaArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'

export type Budget = {
  /** The targets that the scope may look up today, of those given; the others are over its limit. */
  spend(scope: string, limit: number, targets: readonly string[]): Promise<ReadonlySet<string>>
  /** Drops what was spent before yesterday. */
  forgetOld(): Promise<void>
}

type BudgetDeps = {
  readonly sql: Sql
  /** Keys the hashes in the table, so that it is no list of who looked for whom. A new one begins a new budget. */
  readonly keys: CurrentKeys
  readonly now: () => number
}

/** How many different targets a scope may look up in a day (UTC). Held by Postgres: fails closed. */
export function lookUpBudget({ keys, now, sql }: BudgetDeps): Budget {
  const hashOf = (kind: string, text: string) =>
    blake2b(concat(utf8(`${kind}\0`), utf8(text)), { key: keys()[0] })
  const today = () => new Date(now()).toISOString().slice(0, 10)
  return {
    spend: async (scope, limit, targets) => {
      const byHash = new Map(targets.map((target) => [toHex(hashOf('target', target)), target]))
      const hashes = targets.map((target) => hashOf('target', target))
      const { rows } = await sql.query<{ spend: Uint8Array }>(
        'select directory.spend($1, $2, $3, $4)',
        [toHex(hashOf('scope', scope)), today(), byteaArray(hashes), limit],
      )
      return new Set(rows.map(({ spend }) => byHash.get(toHex(spend)) ?? ''))
    },
    forgetOld: async () => {
      const before = `where day < $1::date - 1`
      await sql.query(`delete from directory.look_up_targets ${before}`, [today()])
      await sql.query(`delete from directory.look_up_budgets ${before}`, [today()])
    },
  }
}
