import * as z from 'zod'
import { Values } from './values.ts'

/** One value that may be set: its path, what it is, and what it is when nobody sets it. */
export type DocumentedValue = {
  readonly path: readonly string[]
  readonly doc: string
  /** Undefined where the chart leaves it out. */
  readonly value: unknown
  /** Has values below it that are documented one by one. */
  readonly isGroup: boolean
}

/** Every value in the order of the schema, groups before what they hold. */
export function documentedValues(): readonly DocumentedValue[] {
  return walk(Values, Values.parse({}), [])
}

function walk(schema: z.ZodObject, values: unknown, path: readonly string[]): DocumentedValue[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([key, field]) => {
    const value = (values as Record<string, unknown> | undefined)?.[key]
    const object = objectIn(field)
    const one = { path: [...path, key], doc: docOf(field), value, isGroup: object !== undefined }
    return object === undefined ? [one] : [one, ...walk(object, value, one.path)]
  })
}

/** The object schema under defaults and the like. */
function objectIn(schema: z.ZodType): z.ZodObject | undefined {
  if (schema instanceof z.ZodObject) return schema
  const { innerType } = schema.def as { innerType?: z.ZodType }
  return innerType === undefined ? undefined : objectIn(innerType)
}

function docOf(schema: z.ZodType): string {
  const { innerType } = schema.def as { innerType?: z.ZodType }
  return schema.description ?? (innerType === undefined ? '' : docOf(innerType))
}
