/** What a JSON text can say. Objects have no prototype, so no member name means anything special. */
export type JsonValue = null | boolean | number | string | JsonArray | JsonObject

export type JsonArray = readonly JsonValue[]

export type JsonObject = { readonly [name: string]: JsonValue }

export const isJsonObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isJsonArray = (value: JsonValue | undefined): value is JsonArray =>
  Array.isArray(value)
