import { MailxError } from '@mailx/errors/mailx-error'
import type { JsonValue } from './json-value.ts'

type Bounds = { readonly maxDepth: number; readonly maxNodes: number }

type Reader = Bounds & { readonly text: string; at: number; nodes: number }

/** One value and nothing behind it. Recursion is as deep as maxDepth allows, no deeper. */
export function readDocument(text: string, bounds: Bounds): JsonValue {
  const reader: Reader = { ...bounds, text, at: 0, nodes: 0 }
  skipSpace(reader)
  const value = readValue(reader, 0)
  skipSpace(reader)
  if (reader.at < text.length) throw refusal(reader, 'text after the end of the value')
  return value
}

function readValue(reader: Reader, depth: number): JsonValue {
  reader.nodes += 1
  if (reader.nodes > reader.maxNodes) {
    throw new MailxError('TOO_LARGE', `JSON holds more than ${reader.maxNodes} values`)
  }
  switch (reader.text.charAt(reader.at)) {
    case '{':
      return readObject(reader, deeper(reader, depth))
    case '[':
      return readArray(reader, deeper(reader, depth))
    case '"':
      return readString(reader)
    case 't':
      return readWord(reader, 'true', true)
    case 'f':
      return readWord(reader, 'false', false)
    case 'n':
      return readWord(reader, 'null', null)
    default:
      return readNumber(reader)
  }
}

function deeper(reader: Reader, depth: number): number {
  if (depth >= reader.maxDepth) {
    throw refusal(reader, `nested more than ${reader.maxDepth} deep`)
  }
  return depth + 1
}

function readObject(reader: Reader, depth: number): JsonValue {
  const object: Record<string, JsonValue> = Object.create(null)
  reader.at += 1
  skipSpace(reader)
  if (take(reader, '}')) return object
  for (;;) {
    const start = reader.at
    if (reader.text[start] !== '"') throw refusal(reader, 'expected a member name in quotes')
    const name = readString(reader)
    if (name === '__proto__') throw refusalAt(start, 'a member may not be named __proto__')
    if (name in object) throw refusalAt(start, 'a member is named twice')
    skipSpace(reader)
    if (!take(reader, ':')) throw refusal(reader, 'expected a colon')
    skipSpace(reader)
    object[name] = readValue(reader, depth)
    skipSpace(reader)
    if (take(reader, '}')) return object
    if (!take(reader, ',')) throw refusal(reader, 'expected a comma or the end of the object')
    skipSpace(reader)
  }
}

function readArray(reader: Reader, depth: number): JsonValue {
  const array: JsonValue[] = []
  reader.at += 1
  skipSpace(reader)
  if (take(reader, ']')) return array
  for (;;) {
    array.push(readValue(reader, depth))
    skipSpace(reader)
    if (take(reader, ']')) return array
    if (!take(reader, ',')) throw refusal(reader, 'expected a comma or the end of the array')
    skipSpace(reader)
  }
}

// Sticky, and each stops at the first character that another rule must decide: linear.
// From the space upwards, without quote and backslash.
const plain = /[ !#-[\]-\uffff]*/y
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const space = /[ \t\n\r]*/y

const escaped: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

function readString(reader: Reader): string {
  const start = reader.at
  reader.at += 1
  const parts: string[] = []
  for (;;) {
    parts.push(match(reader, plain) ?? '')
    if (take(reader, '"')) break
    const sequence = match(reader, escape)
    if (sequence === undefined) throw refusal(reader, describe(reader))
    parts.push(
      sequence[1] === 'u'
        ? String.fromCharCode(Number.parseInt(sequence.slice(2), 16))
        : (escaped[sequence.charAt(1)] ?? ''),
    )
  }
  const value = parts.join('')
  if (!value.isWellFormed()) throw refusalAt(start, 'a string holds a lone surrogate')
  return value
}

function describe(reader: Reader): string {
  if (reader.at >= reader.text.length) return 'a string without its closing quote'
  return reader.text[reader.at] === '\\' ? 'not an escape' : 'a control character in a string'
}

function readNumber(reader: Reader): number {
  const start = reader.at
  const text = match(reader, number)
  if (text === undefined) throw refusal(reader, 'expected a value')
  const value = Number(text)
  if (!Number.isFinite(value)) throw refusalAt(start, 'a number too large for a double')
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw refusalAt(start, 'an integer outside ±(2^53 − 1)')
  }
  return value
}

function readWord<T extends JsonValue>(reader: Reader, word: string, value: T): T {
  if (!reader.text.startsWith(word, reader.at)) throw refusal(reader, 'expected a value')
  reader.at += word.length
  return value
}

function skipSpace(reader: Reader): void {
  match(reader, space)
}

function take(reader: Reader, character: string): boolean {
  if (reader.text[reader.at] !== character) return false
  reader.at += 1
  return true
}

function match(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at
  const found = pattern.exec(reader.text)
  if (found === null) return undefined
  reader.at = pattern.lastIndex
  return found[0]
}

const refusal = (reader: Reader, what: string) => refusalAt(reader.at, what)

const refusalAt = (position: number, what: string) =>
  new MailxError('INVALID_ARGUMENT', `JSON at position ${position}: ${what}`)
