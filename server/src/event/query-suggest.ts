import { coreFields, envelopeFields } from './catalogue.ts'
import { ecsFieldNames } from './catalogue-ecs.ts'

/** Field names that look like a name that does not exist: nearest first, core fields before others, at most three. */
export function suggestFields(wrong: string): string[] {
  const name = wrong.toLowerCase().slice(0, 80)
  const ranked: { name: string; distance: number }[] = []
  const consider = (candidate: string, penalty: number) => {
    const lower = candidate.toLowerCase()
    // `srcip`, `user`, `ip`: the last words of a longer name count as near.
    const ending = lower.endsWith(`.${name}`) || lower.startsWith(`${name}.`)
    const distance = (ending ? 1 : editDistance(name, lower)) + penalty
    if (distance <= Math.max(2, Math.floor(name.length / 3)) + penalty) ranked.push({ name: candidate, distance })
  }
  for (const field of envelopeFields.keys()) consider(field, 0)
  for (const field of coreFields) consider(field.name, 0)
  for (const field of ecsFieldNames()) consider(field, 0.5)
  ranked.sort((one, other) => one.distance - other.distance)
  return [...new Set(ranked.map((field) => field.name))].slice(0, 3)
}

/** Levenshtein distance: insertions, deletions and replacements that turn one text into the other. */
function editDistance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > one.length) return one.length + other.length
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row++) {
    const current = [row]
    for (let column = 1; column <= other.length; column++) {
      const replaced = previous[column - 1]! + (one[row - 1] === other[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1))
    }
    previous = current
  }
  return previous[other.length]!
}
