import { compileMatcher } from './matcher.ts'
import { anyText, findPattern, hasSigma, levelSigma, type Pattern } from './pattern.ts'
import type { Predicate, TextOperator } from './predicate.ts'
import { findRegex } from './regex.ts'
import { Slots } from './slots.ts'

/** Where in the values of a field a predicate shows. */
export interface Hit {
  /** Which of the values shown, from 0. */
  value: number
  /** UTF-16 positions in the whole value, which may be shown cut: from the first character to the one behind the last. */
  from: number
  to: number
  /** What stands there, cut at 256 characters. */
  text: string
}

/** Longest value in which an expression is searched for its place; whether it matches is decided whatever the length. */
const regexSearchLimit = 65_536
const hitTextLimit = 256

/** Finds the place of a predicate that is known to hold for one of the texts; `other` are the texts of the field a `fieldref` names. */
export function hitOf(
  predicate: Predicate,
  texts: readonly string[],
  other: string | string[] | undefined,
): Hit | undefined {
  for (const [value, text] of texts.entries()) {
    const span = spanOf(predicate, text, other)
    if (span) return { value, ...span, text: text.slice(span.from, Math.min(span.to, span.from + hitTextLimit)) }
  }
  return undefined
}

interface Span {
  from: number
  to: number
}

function spanOf(predicate: Predicate, text: string, other: string | string[] | undefined): Span | undefined {
  switch (predicate.kind) {
    case 'text':
      return spanOfNeedle(predicate.operator, predicate.text, text, predicate.cased)
    case 'pattern': {
      const form = formOf(
        text,
        predicate.cased,
        predicate.pattern.some((part) => typeof part === 'string' && hasSigma(part)),
      )
      return restore(findPattern(predicate.pattern, form), text, form)
    }
    case 'regex':
      return text.length > regexSearchLimit ? undefined : findRegex(predicate.pattern, predicate.flags, text)
    case 'field':
      for (const needle of typeof other === 'string' ? [other] : (other ?? [])) {
        const span = spanOfNeedle(
          predicate.operator,
          predicate.cased ? needle : needle.toLowerCase(),
          text,
          predicate.cased,
        )
        if (span) return span
      }
      return undefined
    case 'cidr':
    case 'compare':
    case 'date': {
      // These read the value as a whole.
      const slots = new Slots<string>([(source) => source])
      slots.begin(text)
      const holds = compileMatcher(0, [predicate], () => 0)(slots as Slots<unknown>)
      return holds ? { from: 0, to: text.length } : undefined
    }
    default:
      return undefined
  }
}

function spanOfNeedle(operator: TextOperator, needle: string, text: string, cased: boolean): Span | undefined {
  const form = formOf(text, cased, hasSigma(needle))
  const pattern: Pattern = [needle].filter((part) => part !== '')
  if (operator === 'contains' || operator === 'endswith') pattern.unshift(anyText)
  if (operator === 'contains' || operator === 'startswith') pattern.push(anyText)
  return restore(findPattern(pattern, form), text, form)
}

/** A value in the form in which it was compared. */
function formOf(text: string, cased: boolean, sigma: boolean): string {
  if (cased) return text
  return sigma ? levelSigma(text.toLowerCase()) : text.toLowerCase()
}

/** Positions in the compared form as positions in the value: a few letters grow when they are lower-cased. */
function restore(span: Span | undefined, text: string, form: string): Span | undefined {
  if (!span || text.length === form.length) return span
  let formAt = 0
  let textAt = 0
  let from: number | undefined
  for (const character of text) {
    if (from === undefined && formAt + character.toLowerCase().length > span.from) from = textAt
    if (formAt >= span.to) break
    formAt += character.toLowerCase().length
    textAt += character.length
  }
  return { from: from ?? textAt, to: textAt }
}

/** Operator and pattern of a predicate in the words of Sigma. */
export function describePredicate(predicate: Predicate): { operator: string; text: string; cased: boolean } {
  const cased = 'cased' in predicate && predicate.cased
  switch (predicate.kind) {
    case 'text':
      return { operator: predicate.operator, text: predicate.text, cased }
    case 'pattern':
      return { operator: 'wildcard', text: patternText(predicate.pattern), cased }
    case 'regex': {
      const { ignoreCase, multiline, dotAll } = predicate.flags
      const flags = `${ignoreCase ? '|i' : ''}${multiline ? '|m' : ''}${dotAll ? '|s' : ''}`
      return { operator: `re${flags}`, text: predicate.pattern, cased: !ignoreCase }
    }
    case 'cidr':
      return { operator: 'cidr', text: predicate.text, cased }
    case 'compare':
      return { operator: predicate.operator, text: String(predicate.number), cased }
    case 'date':
      return { operator: `${predicate.part} ${predicate.operator}`, text: String(predicate.number), cased }
    case 'field':
      return { operator: `fieldref ${predicate.operator}`, text: predicate.field, cased }
    case 'exists':
      return { operator: 'exists', text: String(predicate.expected), cased }
    default:
      return { operator: predicate.kind, text: '', cased }
  }
}

/** The pattern as a rule would write it. */
function patternText(pattern: Pattern): string {
  return pattern
    .map((part) =>
      typeof part === 'string' ? part.replace(/[*?]|\\(?=[\\*?]|$)/g, '\\$&') : part === anyText ? '*' : '?',
    )
    .join('')
}
