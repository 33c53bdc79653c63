/** Who writes to whom. `mixed`: everybody to both domains. */
export type Mode = 'local' | 'federated' | 'mixed'

type Somebody = { readonly domain: string }

const CIRCLE = 8

/** A sender, and everybody they write to. */
export type Circle<Person> = { readonly sender: Person; readonly others: readonly Person[] }

/**
 * Gives each sender a few correspondents, and everybody about as many letters: conversations are few
 * and long, as those of people are. `federated`: users of the first domain write to the second.
 */
export function circles<Person extends Somebody>(
  everybody: readonly Person[],
  mode: Mode,
  atLeast: number,
): Circle<Person>[] {
  const size = Math.max(CIRCLE, atLeast)
  const groups = [...Map.groupBy(everybody, ({ domain }) => domain).values()]
  const [here = [], there = []] = groups
  if (mode === 'local') return groups.flatMap((own) => own.map(ring(own, size)))
  if (mode === 'federated') return here.map(pairing(there, size))
  const half = Math.ceil(size / 2)
  const both = (own: readonly Person[], others: readonly Person[]) =>
    own.map((sender, index) => ({
      sender,
      others: [
        ...ring(own, half)(sender, index).others,
        ...pairing(others, half)(sender, index).others,
      ],
    }))
  return [...both(here, there), ...both(there, here)]
}

/** Those who come next in one's own group. */
const ring =
  <Person>(own: readonly Person[], size: number) =>
  (sender: Person, index: number): Circle<Person> => ({
    sender,
    others: take(own, index + 1, Math.min(size, own.length - 1)),
  })

const pairing =
  <Person>(others: readonly Person[], size: number) =>
  (sender: Person, index: number): Circle<Person> => ({
    sender,
    others: take(others, index, Math.min(size, others.length)),
  })

function take<Person>(from: readonly Person[], start: number, count: number): Person[] {
  const taken: Person[] = []
  for (let index = 0; index < count; index++) {
    const one = from[(start + index) % from.length]
    if (one !== undefined) taken.push(one)
  }
  return taken
}
