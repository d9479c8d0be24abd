import ts from 'typescript'
import { type Finding, type Project, walk } from './project.ts'

const tablePath = 'server/src/event/errors.ts'
export const errorsPagePath = 'docs/reference/errors.md'

interface ErrorRow {
  code: string
  status: string
  retry: string
  hint: string
  node: ts.Node
}

/** The rows of `errorTable`, read from its source. */
function errorRows(project: Project): ErrorRow[] {
  const rows: ErrorRow[] = []
  walk(project.source(tablePath), (node) => {
    if (!ts.isVariableDeclaration(node) || node.name.getText() !== 'errorTable' || !node.initializer) return
    let table: ts.Expression = node.initializer
    while (ts.isAsExpression(table) || ts.isSatisfiesExpression(table)) table = table.expression
    if (!ts.isObjectLiteralExpression(table)) return
    for (const property of table.properties) {
      if (!ts.isPropertyAssignment(property) || !ts.isObjectLiteralExpression(property.initializer)) continue
      const facts = new Map<string, string>()
      for (const fact of property.initializer.properties) {
        if (!ts.isPropertyAssignment(fact)) continue
        const value = fact.initializer
        facts.set(fact.name.getText(), ts.isStringLiteralLike(value) ? value.text : value.getText())
      }
      const [status = '', retry = '', hint = ''] = ['status', 'retry', 'hint'].map((name) => facts.get(name))
      rows.push({ code: property.name.getText(), status, retry, hint, node: property })
    }
  })
  return rows
}

/** The reference page of all error codes. */
export function errorsPage(project: Project): string {
  const rows = errorRows(project).sort((a, b) => (a.code < b.code ? -1 : 1))
  const lines = rows.map(
    ({ code, status, retry, hint }) => `| \`${code}\` | ${status} | ${retry === 'true' ? 'yes' : 'no'} | ${hint} |`,
  )
  return [
    '# Error codes',
    '',
    'Generated from `server/src/event/errors.ts` by `npx tsx tools/tidy.ts --write`. Every expected failure answers',
    '`{ code, message, detail, hint }` with the HTTP status below; *retry* says whether the same call may succeed later.',
    '',
    '| code | status | retry | what to do |',
    '| --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n')
}

/** Codes and their page agree, and every code is given somewhere. */
export function checkErrorCodes(project: Project): Finding[] {
  if (!project.has(tablePath)) return []
  const findings: Finding[] = []
  const literals = new Set<string>()
  for (const path of project.modules('server/src/')) {
    if (path === tablePath) continue
    walk(project.source(path), (node) => {
      if (ts.isStringLiteralLike(node) && /^[A-Z][A-Z0-9_]+$/.test(node.text)) literals.add(node.text)
    })
  }
  for (const { code, hint, node } of errorRows(project)) {
    const line = project.line(tablePath, node)
    if (!literals.has(code)) findings.push({ path: tablePath, line, message: `nothing gives ${code}` })
    if (hint === '') findings.push({ path: tablePath, line, message: `${code} has no hint` })
  }
  if (!project.has(errorsPagePath) || project.text(errorsPagePath) !== errorsPage(project)) {
    findings.push({
      path: errorsPagePath,
      message: 'is not what the error table says: run `npx tsx tools/tidy.ts --write`',
    })
  }
  return findings
}
