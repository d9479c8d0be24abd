import { type FilePath, ParserProblem } from './problem.ts'

/**
 * Patterns of parser files: a regular expression in which `%{TYPE:name}` captures into a field (or, written `~name`,
 * into a value for later steps) and `%{name=REGEX}` captures what REGEX matches. A pattern is anchored at the start.
 */
export interface CompiledPattern {
  regex: RegExp
  captures: { name: string; group: number }[]
  /** Text every match begins with: what a list of patterns is sorted by. */
  literal: string
}

const types: Record<string, string> = {
  WORD: '\\w+',
  TEXT: '\\S+',
  MAYBE: '\\S*',
  DATA: '.*?',
  REST: '.*',
  INT: '-?\\d+',
  NUMBER: '-?\\d+(?:\\.\\d+)?',
  IP: '[0-9a-fA-F.:]+(?:%\\w+)?',
  HOST: '[^\\s,;\\]\\[()]+',
  QUOTED: '[^"]*',
}

/** Longest text a pattern is tried on; the rest of a longer one is not seen by patterns. */
export const patternTextLimit = 16 * 1024

/** Compiles a pattern; throws a ParserProblem when it is malformed or could take exponential time. */
export function compilePattern(pattern: string, path: FilePath): CompiledPattern {
  const captures: CompiledPattern['captures'] = []
  let source = ''
  let groups = 0
  for (let at = 0; at < pattern.length; ) {
    if (pattern.startsWith('%{', at)) {
      const end = closingBrace(pattern, at + 2)
      if (end < 0) throw new ParserProblem(path, `the capture at column ${at + 1} is not closed`)
      const { name, regex } = readCapture(pattern.slice(at + 2, end), path)
      groups++
      captures.push({ name, group: groups })
      source += `(${regex})`
      groups += countGroups(regex)
      at = end + 1
    } else if (pattern.charAt(at) === '\\') {
      source += pattern.slice(at, at + 2)
      at += 2
    } else {
      if (pattern.charAt(at) === '(' && pattern.charAt(at + 1) !== '?') groups++
      source += pattern.charAt(at)
      at++
    }
  }
  requireLinear(source, path)
  let regex: RegExp
  try {
    regex = new RegExp(`^(?:${source})`, 's')
  } catch (error) {
    throw new ParserProblem(path, `the pattern is no regular expression: ${(error as Error).message}`)
  }
  return { regex, captures, literal: leadingLiteral(source) }
}

function closingBrace(pattern: string, from: number): number {
  let depth = 1
  for (let at = from; at < pattern.length; at++) {
    const character = pattern.charAt(at)
    if (character === '\\') at++
    else if (character === '{') depth++
    else if (character === '}' && --depth === 0) return at
  }
  return -1
}

function readCapture(text: string, path: FilePath): { name: string; regex: string } {
  const equals = text.indexOf('=')
  if (equals > 0 && /^~?[\w.@-]+$/.test(text.slice(0, equals))) {
    return { name: text.slice(0, equals), regex: text.slice(equals + 1) }
  }
  const colon = text.indexOf(':')
  const regex = types[text.slice(0, colon)]
  if (colon < 0 || regex === undefined) {
    throw new ParserProblem(
      path,
      `%{${text}} names none of ${Object.keys(types).join(', ')}; write %{TYPE:name} or %{name=REGEX}`,
    )
  }
  return { name: text.slice(colon + 1), regex }
}

function countGroups(regex: string): number {
  let count = 0
  let inClass = false
  for (let at = 0; at < regex.length; at++) {
    const character = regex.charAt(at)
    if (character === '\\') at++
    else if (character === '[') inClass = true
    else if (character === ']') inClass = false
    else if (character === '(' && !inClass && regex.charAt(at + 1) !== '?') count++
  }
  return count
}

/**
 * Refuses an unbounded repetition around an unbounded repetition, `(a+)+`: the form that makes a backtracking engine
 * take exponential time. What remains is polynomial, on texts of bounded length.
 */
export function requireLinear(regex: string, path: FilePath): void {
  const stack: boolean[] = []
  let repeats = false
  let lastGroupRepeats = false
  let inClass = false
  for (let at = 0; at < regex.length; at++) {
    const character = regex.charAt(at)
    if (character === '\\') {
      at++
      lastGroupRepeats = false
    } else if (inClass) {
      if (character === ']') inClass = false
    } else if (character === '[') {
      inClass = true
      lastGroupRepeats = false
    } else if (character === '(') {
      stack.push(repeats)
      repeats = false
    } else if (character === ')') {
      const outer = stack.pop() ?? false
      lastGroupRepeats = repeats
      repeats = repeats || outer
    } else if (character === '*' || character === '+' || (character === '{' && /^\{\d+,\}/.test(regex.slice(at)))) {
      if (lastGroupRepeats)
        throw new ParserProblem(path, 'an unbounded repetition stands inside an unbounded repetition')
      repeats = true
      lastGroupRepeats = false
    } else if (character !== '?') lastGroupRepeats = false
  }
}

/** The literal characters a regular expression begins with, as far as they are certain. */
function leadingLiteral(source: string): string {
  let literal = ''
  if (hasTopLevelAlternative(source)) return ''
  for (let at = 0; at < source.length; at++) {
    let character = source.charAt(at)
    if (character === '\\') {
      character = source.charAt(++at)
      if (/[A-Za-z0-9]/.test(character)) break
    } else if ('.[]()*+?{}|^$'.includes(character)) break
    if ('*?{'.includes(source.charAt(at + 1)) && source.charAt(at + 1) !== '') break
    literal += character
  }
  return literal
}

function hasTopLevelAlternative(source: string): boolean {
  let depth = 0
  let inClass = false
  for (let at = 0; at < source.length; at++) {
    const character = source.charAt(at)
    if (character === '\\') at++
    else if (inClass) inClass = character !== ']'
    else if (character === '[') inClass = true
    else if (character === '(') depth++
    else if (character === ')') depth--
    else if (character === '|' && depth === 0) return true
  }
  return false
}
