import type { ErrorCode } from '@mailx/errors/mailx-error'
import type { JsonObject, JsonValue } from '@mailx/json/json-value'

/** What a call found: a check held, a parse or an open succeeded, or the code of the refusal. */
export type Verdict =
  | { readonly ok: true; readonly out?: JsonValue }
  | { readonly ok: false; readonly error: ErrorCode; readonly message: string }

/** One call. May throw a MailxError instead of returning the refusal. */
export type Call = (fields: JsonObject) => Verdict

export const refused = (error: ErrorCode, message: string): Verdict => ({
  ok: false,
  error,
  message,
})

/** The verdict of a check that is either true or false. */
export const checked = (holds: boolean, error: ErrorCode, message: string): Verdict =>
  holds ? { ok: true } : refused(error, message)
