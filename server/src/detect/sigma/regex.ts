import { RE2JS } from 're2js'
import type { RegexFlags } from './predicate.ts'

/** A compiled regular expression with RE2 semantics: time linear in the text, whatever the pattern. */
export interface Regex {
  test(text: string): boolean
}

const cache = new Map<string, Regex>()

/** Compiles (once per pattern and flags). Throws when the pattern is not RE2. */
export function compileRegex(pattern: string, flags: RegexFlags): Regex {
  const bits =
    (flags.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.multiline ? RE2JS.MULTILINE : 0) |
    (flags.dotAll ? RE2JS.DOTALL : 0)
  const key = `${bits}:${pattern}`
  let regex = cache.get(key)
  if (!regex) {
    const compiled = RE2JS.compile(pattern, bits)
    regex = { test: (text) => compiled.test(text) }
    cache.set(key, regex)
  }
  return regex
}
