import { RuleRefused } from './refusal.ts'
import type { YamlPath } from './yaml.ts'

/** A condition with its selectors (`1 of x*`) already spelled out over the identifiers that exist. */
export type Condition =
  | { kind: 'and' | 'or'; children: Condition[] }
  | { kind: 'not'; child: Condition }
  | { kind: 'identifier'; name: string }

const tokenPattern = /\s*(?:([()|])|([^\s()|]+))/y
const depthLimit = 200

/**
 * Parses a Sigma condition: `or` binds weakest, then `and`, `not`, `1 of`/`any of`/`all of`, parentheses. Keywords in
 * any case; a word that merely begins like one is an identifier. Throws RuleRefused.
 */
export function parseCondition(text: string, identifiers: Iterable<string>, path: YamlPath): Condition {
  const names = [...identifiers]
  const tokens = tokenise(text)
  let next = 0
  let depth = 0
  const refuse = (message: string): never => {
    throw new RuleRefused('condition', `${message} in the condition \`${text}\``, path)
  }
  const word = (): string | undefined => tokens[next]?.toLowerCase()

  function parseOr(): Condition {
    if (++depth > depthLimit) refuse(`More than ${depthLimit} nested parts`)
    const children = [parseAnd()]
    while (word() === 'or') {
      next++
      children.push(parseAnd())
    }
    depth--
    return children.length === 1 ? children[0]! : { kind: 'or', children }
  }

  function parseAnd(): Condition {
    const children = [parseNot()]
    while (word() === 'and') {
      next++
      children.push(parseNot())
    }
    return children.length === 1 ? children[0]! : { kind: 'and', children }
  }

  function parseNot(): Condition {
    let negations = 0
    while (word() === 'not') {
      next++
      negations++
    }
    const child = parsePrimary()
    return negations % 2 === 1 ? { kind: 'not', child } : child
  }

  function parsePrimary(): Condition {
    const token = tokens[next]
    if (token === undefined) return refuse('Something is missing at the end')
    if (token === '(') {
      next++
      const inner = parseOr()
      if (tokens[next] !== ')') refuse('A closing parenthesis is missing')
      next++
      return inner
    }
    const lower = token.toLowerCase()
    if (lower === 'and' || lower === 'or' || token === ')') return refuse(`\`${token}\` cannot stand here`)
    next++
    if (word() === 'of') {
      next++
      return selector(lower)
    }
    if (!names.includes(token)) {
      throw new RuleRefused('identifier', `The condition names \`${token}\`, which the detection does not define`, path)
    }
    return { kind: 'identifier', name: token }
  }

  function selector(quantifier: string): Condition {
    if (quantifier !== '1' && quantifier !== 'any' && quantifier !== 'all') refuse(`\`${quantifier} of\` is not known`)
    const glob = tokens[next++] ?? refuse('Something is missing after `of`')
    const chosen = names.filter((name) => (glob.toLowerCase() === 'them' ? !name.startsWith('_') : selects(glob, name)))
    if (chosen.length === 0) {
      throw new RuleRefused('empty-selector', `\`${quantifier} of ${glob}\` selects no search identifier`, path)
    }
    const children = chosen.map((name): Condition => ({ kind: 'identifier', name }))
    if (children.length === 1) return children[0]!
    return { kind: quantifier === 'all' ? 'and' : 'or', children }
  }

  if (tokens.includes('|')) {
    throw new RuleRefused('legacy-aggregation', `The condition \`${text}\` pipes into an aggregation`, path)
  }
  const condition = parseOr()
  if (next < tokens.length) refuse(`\`${tokens[next]}\` is left over`)
  return condition
}

function tokenise(text: string): string[] {
  const tokens: string[] = []
  const trimmed = text.trimEnd()
  tokenPattern.lastIndex = 0
  while (tokenPattern.lastIndex < trimmed.length) {
    const match = tokenPattern.exec(trimmed)
    if (!match) break
    tokens.push(match[1] ?? match[2]!)
  }
  return tokens
}

/** `*` anywhere in the glob; names that begin with `_` are hidden unless the glob begins with it too. */
function selects(glob: string, name: string): boolean {
  if (name.startsWith('_') && !glob.startsWith('_')) return false
  const [first, ...rest] = glob.split('*')
  if (rest.length === 0) return name === glob
  if (!name.startsWith(first!)) return false
  const last = rest.pop()!
  let position = first!.length
  for (const middle of rest) {
    const found = name.indexOf(middle, position)
    if (found < 0) return false
    position = found + middle.length
  }
  return name.length - last.length >= position && name.endsWith(last)
}
