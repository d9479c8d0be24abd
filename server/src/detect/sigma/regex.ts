import { RE2JS } from 're2js'
import type { RegexFlags } from './predicate.ts'
import { RegexAutomaton } from './regex-automaton.ts'

/** A compiled regular expression with RE2 semantics: time linear in the text, whatever the pattern. */
export interface Regex {
  test(text: string): boolean
}

const cache = new Map<string, Regex>()
const cacheLimit = 10_000
/** Steps an expression may have on re2js, whose cost for a character is that of its steps. */
const generalSizeLimit = 500

/**
 * Compiles (once per pattern and flags). What rules are made of runs on our own automaton; whatever lies outside its subset runs on
 * re2js, thirty times slower and as safe, up to a size. Throws when the pattern is not RE2, and RangeError when it is too large.
 */
export function compileRegex(pattern: string, flags: RegexFlags): Regex {
  const bits = bitsOf(flags)
  const key = `${bits}:${pattern}`
  let regex = cache.get(key)
  if (!regex) {
    // Also the judge of what is valid.
    const general = RE2JS.compile(pattern, bits)
    regex = RegexAutomaton.compile(pattern, flags) ?? generalRegex(general)
    if (cache.size >= cacheLimit) cache.clear()
    cache.set(key, regex)
  }
  return regex
}

function generalRegex(general: RE2JS): Regex {
  const size = general.programSize()
  if (size > generalSizeLimit) throw new RangeError(`the expression has ${size} steps, more than ${generalSizeLimit}`)
  return { test: (text) => general.test(text) }
}

/** Where the expression first matches in the text. Slow: for explanations of short texts. Undefined when it does not. */
export function findRegex(pattern: string, flags: RegexFlags, text: string): { from: number; to: number } | undefined {
  const matcher = RE2JS.compile(pattern, bitsOf(flags)).matcher(text)
  return matcher.find() ? { from: matcher.start(), to: matcher.end() } : undefined
}

function bitsOf({ ignoreCase, multiline, dotAll }: RegexFlags): number {
  return (ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (multiline ? RE2JS.MULTILINE : 0) | (dotAll ? RE2JS.DOTALL : 0)
}
