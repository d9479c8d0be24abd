import ts from 'typescript'
import { type Finding, type Project, walk } from './project.ts'

const pureExceptions = ['server/src/config/', 'server/src/seams/clock/']

/** Time, randomness and the environment enter the server at two places only; everywhere else they are arguments. */
export function checkImpure(project: Project): Finding[] {
  const findings: Finding[] = []
  for (const path of project.modules('server/src/')) {
    if (pureExceptions.some((prefix) => path.startsWith(prefix))) continue
    walk(project.source(path), (node) => {
      const name = impureName(node)
      if (name)
        findings.push({
          path,
          line: project.line(path, node),
          message: `${name} outside config/ and seams/clock/: take it as an argument`,
        })
    })
  }
  return findings
}

function impureName(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const text = `${node.expression.getText()}.${node.name.text}`
    return ['process.env', 'Date.now', 'Math.random', 'performance.now', 'performance.timeOrigin'].includes(text)
      ? text
      : undefined
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0)
    return 'new Date()'
  if (ts.isCallExpression(node) && node.expression.getText() === 'Date') return 'Date()'
  return undefined
}

/** Errors a programmer made crash and need no code. */
const programmerErrors = new Set(['TypeError', 'RangeError'])

/**
 * Expected failures carry a code: what is thrown descends from CodedError. A class that is no Error at all is a signal
 * between functions of one part, which must catch it itself.
 */
export function checkThrown(project: Project): Finding[] {
  const findings: Finding[] = []
  const paths = project.modules('server/src/')
  const classes = classParents(project, paths)
  for (const path of paths) {
    const part = path.split('/').slice(0, 3).join('/')
    const isCaught = (name: string) =>
      project.modules(`${part}/`).some((other) => project.text(other).includes(`instanceof ${name}`))
    walk(project.source(path), (node) => {
      const report = (message: string) => findings.push({ path, line: project.line(path, node), message })
      if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === 'Error') {
        report('a plain Error: use CodedError, or TypeError and RangeError for a programmer’s mistake')
      }
      if (!ts.isThrowStatement(node)) return
      const thrown = node.expression
      if (ts.isStringLiteralLike(thrown) || ts.isObjectLiteralExpression(thrown)) report('throws what is no error')
      if (!ts.isNewExpression(thrown) || thrown.expression.getText() === 'Error') return
      const name = thrown.expression.getText()
      const isSignal = classes.has(name) && classes.get(name) === undefined
      if (isSignal && !isCaught(name)) report(`throws ${name}, which ${part} does not catch`)
      if (!isSignal && !isCoded(name, classes)) report(`throws ${name}, which has no code`)
    })
  }
  return findings
}

/** Name of every class of the server to the name of what it extends. */
function classParents(project: Project, paths: string[]): Map<string, string | undefined> {
  const parents = new Map<string, string | undefined>()
  for (const path of paths) {
    for (const statement of project.source(path).statements) {
      if (ts.isClassDeclaration(statement) && statement.name) {
        parents.set(statement.name.text, statement.heritageClauses?.[0]?.types[0]?.expression.getText())
      }
    }
  }
  return parents
}

function isCoded(name: string, classes: Map<string, string | undefined>): boolean {
  if (programmerErrors.has(name) || name === 'CodedError') return true
  const parent = classes.get(name)
  return parent !== undefined && isCoded(parent, classes)
}

const changes = new Set(['insert', 'update', 'delete'])

/**
 * A change of state is made inside a transaction that checks scope and appends the audit row: the database itself is
 * not written to, and transactions are opened only where an audit row is appended. What is no act of anyone (a time of
 * last use, a counter) says so at the place, in a comment `unaudited: <why>`.
 */
export function checkWrites(project: Project): Finding[] {
  const findings: Finding[] = []
  const prefixes = [
    'server/src/state/',
    'server/src/present/',
    'server/src/correlate/',
    'server/src/respond/',
    'server/src/app/',
    'server/src/enrich/',
    'server/src/detect/',
  ]
  for (const path of prefixes.flatMap((prefix) => project.modules(prefix))) {
    const text = project.text(path)
    const audits = /\bappendAudit\w*\s*\(/.test(text)
    walk(project.source(path), (node) => {
      if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return
      const verb = node.expression.name.text
      const target = node.expression.expression.getText()
      if (!/(^|\.)database$/.test(target)) return
      const report = (message: string) => findings.push({ path, line: project.line(path, node), message })
      if (isUnaudited(project, path, node)) return
      if (changes.has(verb)) report(`${verb} on the database itself: change state in a transaction of write()`)
      if (verb === 'transaction' && !audits) report('opens a transaction but appends no audit row: go through write()')
    })
  }
  return findings
}

/** True when the statement, or the declaration around it, has a comment `unaudited: <why>` before it. */
function isUnaudited(project: Project, path: string, node: ts.Node): boolean {
  const text = project.text(path)
  for (let around: ts.Node | undefined = node; around && !ts.isSourceFile(around); around = around.parent) {
    const comments = ts.getLeadingCommentRanges(text, around.getFullStart()) ?? []
    if (comments.some(({ pos, end }) => /\bunaudited: \S+/.test(text.slice(pos, end)))) return true
  }
  return false
}

/** The longest functions and files, to look at; never a failure. */
export function lengths(project: Project): string[] {
  const functions: [number, string][] = []
  const files: [number, string][] = []
  for (const path of ['server/src/', 'web/src/', 'tools/'].flatMap((prefix) => project.modules(prefix))) {
    files.push([project.text(path).split('\n').length, path])
    const source = project.source(path)
    walk(source, (node) => {
      if (!ts.isFunctionLike(node) || !('body' in node) || !node.body) return
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line
      functions.push([last - first + 1, `${path}:${first + 1}`])
    })
  }
  const over = (list: [number, string][], limit: number) =>
    list.filter(([count]) => count > limit).sort((a, b) => b[0] - a[0])
  const describe = (kind: string, list: [number, string][], limit: number) => {
    const long = over(list, limit)
    const worst = long.slice(0, 5).map(([count, where]) => `${where} (${count})`)
    return `${kind} over ${limit} lines: ${long.length} of ${list.length}${worst.length > 0 ? `; longest ${worst.join(', ')}` : ''}`
  }
  return [describe('files', files, 300), describe('functions', functions, 100)]
}
