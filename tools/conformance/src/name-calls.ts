import { parseAddress } from '@mailx/address/address'
import { parseDomain } from '@mailx/address/domain'
import { toBase64 } from '@mailx/crypto/encoding'
import { isJsonArray, type JsonValue } from '@mailx/json/json-value'
import { parseUntrusted } from '@mailx/json/parse-untrusted'
import { parseTxt } from '@mailx/keys/txt-record'
import { arrayField, bytesField, textField, wrong } from './fields.ts'
import type { Call } from './verdict.ts'

export const addressParse: Call = (fields) => ({
  ok: true,
  out: { ...parseAddress(textField(fields, 'text')) },
})

export const domainNormalize: Call = (fields) => ({
  ok: true,
  out: parseDomain(textField(fields, 'text')),
})

export const dnsParseTxt: Call = (fields) => {
  const { publicKeys, endpoint, raw } = parseTxt(arrayField(fields, 'records').map(stringsOf))
  return { ok: true, out: { publicKeys: publicKeys.map(toBase64), endpoint, raw } }
}

export const jsonParseUntrusted: Call = (fields) => ({
  ok: true,
  out: parseUntrusted(
    fields['text'] === undefined ? bytesField(fields, 'bytes') : textField(fields, 'text'),
  ),
})

function stringsOf(record: JsonValue): string[] {
  if (!isJsonArray(record)) throw wrong('records', 'a list of lists of texts')
  return record.map((text) => {
    if (typeof text !== 'string') throw wrong('records', 'a list of lists of texts')
    return text
  })
}
