import { RE2JS } from 're2js'
import type { RegexFlags } from './predicate.ts'
import { RegexAutomaton } from './regex-automaton.ts'

/** A compiled regular expression with RE2 semantics: time linear in the text, whatever the pattern. */
export interface Regex {
  test(text: string): boolean
}

const cache = new Map<string, Regex>()
const cacheLimit = 10_000

/**
 * Compiles (once per pattern and flags). What rules are made of runs on our own automaton; whatever lies outside its subset runs on
 * re2js, thirty times slower and as safe. Throws when the pattern is not RE2.
 */
export function compileRegex(pattern: string, flags: RegexFlags): Regex {
  const bits =
    (flags.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.multiline ? RE2JS.MULTILINE : 0) |
    (flags.dotAll ? RE2JS.DOTALL : 0)
  const key = `${bits}:${pattern}`
  let regex = cache.get(key)
  if (!regex) {
    // Also the judge of what is valid.
    const general = RE2JS.compile(pattern, bits)
    regex = RegexAutomaton.compile(pattern, flags) ?? { test: (text) => general.test(text) }
    if (cache.size >= cacheLimit) cache.clear()
    cache.set(key, regex)
  }
  return regex
}
