import * as z from 'zod'
import { blockShape } from './block.ts'
import { Values } from './values.ts'

type Schema = { properties?: Record<string, Schema>; definitions?: Record<string, Schema> }

/** values.schema.json: what Helm holds values against before it renders anything. */
export function valuesSchema(): object {
  const schema = z.toJSONSchema(Values, { io: 'input', target: 'draft-7' }) as Schema
  const blocks = schema.properties?.['services']?.properties ?? {}
  const definitions = schema.properties?.['defaults']?.properties ?? {}
  // Said once instead of nine times.
  for (const block of [schema.properties?.['defaults'], ...Object.values(blocks)]) {
    if (block?.properties === undefined) continue
    const shared = Object.keys(blockShape).map((key) => [key, { $ref: `#/definitions/${key}` }])
    block.properties = { ...block.properties, ...Object.fromEntries(shared) }
  }
  return { ...schema, definitions }
}
