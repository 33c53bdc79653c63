import { toULabels } from './idna.ts'

const scripts = [
  'Latin',
  'Greek',
  'Cyrillic',
  'Armenian',
  'Hebrew',
  'Arabic',
  'Devanagari',
  'Bengali',
  'Gurmukhi',
  'Gujarati',
  'Tamil',
  'Telugu',
  'Kannada',
  'Malayalam',
  'Sinhala',
  'Thai',
  'Lao',
  'Khmer',
  'Myanmar',
  'Georgian',
  'Ethiopic',
  'Hangul',
  'Hiragana',
  'Katakana',
  'Bopomofo',
  'Han',
] as const

type Script = (typeof scripts)[number]

/** Writing systems of several scripts (UTS 39 §5.1, augmented script sets). */
const together: readonly (readonly Script[])[] = [
  ['Han', 'Hiragana', 'Katakana'],
  ['Han', 'Bopomofo'],
  ['Han', 'Hangul'],
]

// Letters, marks and digits; of Latin the lower-case letters alone, not the clicks that look like "!".
const matchers = scripts.map((script) => {
  const kinds = script === 'Latin' ? '\\p{Ll}' : '[\\p{L}\\p{M}\\p{Nd}]'
  return { script, pattern: new RegExp(`^(?=${kinds})\\p{Script=${script}}$`, 'u') }
})

/** U+30FC, of no script of its own, lengthens Japanese vowels; in other words it passes for a hyphen. */
const LONG_VOWEL = '\u30fc'

/**
 * Letters of every script: digits, the hyphen, joiners (IDNA has checked their places), vowel signs.
 * Not the accents U+0300 … U+036F: what they make of Latin letters has no letter of its own, and
 * passes for another letter. Nor signs and punctuation, where a slash that is none could hide.
 */
const shared = /^(?:[0-9-]|[\u200c\u200d]|(?![\u0300-\u036f])(?=\p{M})\p{Script=Inherited})$/u

/** Cyrillic letters that pass for Latin ones. A word of nothing else reads as a Latin word. */
const latinLookAlikes = /^[асԁеһіјӏорԛѕԝхуъьҽпгѵѡ0-9-]+$/u

/**
 * A canonical domain as a person should see it: in its own letters, but a label that mixes scripts, or
 * otherwise can pass for another, stays in its A-label (UTS 39 in a simple form).
 */
export const displayDomain = (domain: string): string =>
  domain
    .split('.')
    .map((label) => {
      const shown = toULabels(label)
      return shown !== undefined && isPlain(shown) ? shown : label
    })
    .join('.')

/** Whether all letters of a label are of one script, or of scripts that are written together. */
function isPlain(label: string): boolean {
  if (/^[a-z0-9-]*$/.test(label)) return true
  if (latinLookAlikes.test(label)) return false
  const used = new Set<Script>()
  for (const letter of label) {
    if (shared.test(letter)) continue
    const script = scriptOf(letter)
    if (script === undefined) return false
    used.add(script)
  }
  return (
    used.size === 1 || together.some((set) => [...used].every((script) => set.includes(script)))
  )
}

const scriptOf = (letter: string): Script | undefined =>
  letter === LONG_VOWEL ? 'Katakana' : matchers.find(({ pattern }) => pattern.test(letter))?.script
