import { basename, dirname } from 'node:path/posix'
import ts from 'typescript'
import { parse } from 'yaml'
import { type Finding, type Project, walk } from './project.ts'

/** Every rule carries what fires it and what must not, and evidence.yml says of each of these files what it rests on. */
export function checkRuleSamples(project: Project): Finding[] {
  const findings: Finding[] = []
  for (const path of project.paths('content/rules/', /\.ya?ml$/)) {
    if (!/(^|\n)(detection|correlation):/.test(project.text(path))) continue
    const folder = dirname(path)
    for (const kind of ['fires', 'silent']) {
      const samples = project.paths(`${folder}/${kind}.`)
      if (samples.length === 0) findings.push({ path, message: `has no ${kind}.* sample beside it` })
      for (const sample of samples) {
        // Captures are not text.
        if (!sample.endsWith('.pcap') && project.text(sample).trim() === '')
          findings.push({ path: sample, message: 'is empty' })
      }
    }
    findings.push(...checkEvidence(project, folder))
  }
  return findings
}

function checkEvidence(project: Project, folder: string): Finding[] {
  const path = `${folder}/evidence.yml`
  if (!project.has(path)) return [{ path: folder, message: 'has no evidence.yml, which says what its samples rest on' }]
  const { samples = {} } = (parse(project.text(path)) ?? {}) as { samples?: Record<string, unknown> }
  const files = project.paths(`${folder}/`, /\/(fires|silent)\.[^/]+$/).map((file) => basename(file))
  return [
    ...files.filter((file) => !samples[file]).map((file) => ({ path, message: `says nothing of ${file}` })),
    ...Object.keys(samples)
      .filter((file) => !files.includes(file))
      .map((file) => ({ path, message: `speaks of ${file}, which is not there` })),
  ]
}

const languages = { zh: 'web/src/i18n/zh-CN.ts', en: 'web/src/i18n/en.ts' }
const chinese = /\p{Script=Han}/u

/** Both languages hold the same keys and placeholders; no Chinese among the English words, nothing left empty. */
export function checkWords(project: Project): Finding[] {
  if (!project.has(languages.zh) && !project.has(languages.en)) return []
  const missing = Object.values(languages).filter((path) => !project.has(path))
  if (missing.length > 0) return missing.map((path) => ({ path, message: 'is missing' }))
  const words = { zh: wordsOf(project, languages.zh), en: wordsOf(project, languages.en) }
  const findings: Finding[] = []
  for (const [from, to] of [
    ['zh', 'en'],
    ['en', 'zh'],
  ] as const) {
    for (const [key, word] of words[from]) {
      const other = words[to].get(key)
      // Chinese has no plural: English alone has `key_one`.
      const plural = /_(zero|one|two|few|many)$/.test(key) || (/_other$/.test(key) && from === 'en')
      if (other === undefined) {
        if (!plural) findings.push({ path: languages[to], message: `lacks ${key}` })
      } else if (from === 'zh' && placeholders(word.text) !== placeholders(other.text)) {
        findings.push({
          path: languages.en,
          line: other.line,
          message: `${key} has other placeholders than the Chinese`,
        })
      }
      if (word.text.trim() === '') findings.push({ path: languages[from], line: word.line, message: `${key} is empty` })
    }
  }
  for (const [key, word] of words.en) {
    if (chinese.test(word.text) && !/language/i.test(key))
      findings.push({ path: languages.en, line: word.line, message: `${key} holds Chinese` })
  }
  return findings
}

function placeholders(text: string): string {
  return [...new Set([...text.matchAll(/\{\{\s*([\w.]+)/g)].map(([, name]) => name))].sort().join()
}

/** Dotted keys of the object literals in a language file, with their words. */
function wordsOf(project: Project, path: string): Map<string, { text: string; line: number }> {
  const words = new Map<string, { text: string; line: number }>()
  const read = (object: ts.ObjectLiteralExpression, prefix: string) => {
    for (const property of object.properties) {
      if (!ts.isPropertyAssignment(property)) continue
      const name = ts.isStringLiteralLike(property.name) ? property.name.text : property.name.getText()
      const value = ts.isAsExpression(property.initializer) ? property.initializer.expression : property.initializer
      if (ts.isObjectLiteralExpression(value)) read(value, `${prefix}${name}.`)
      else if (ts.isStringLiteralLike(value))
        words.set(prefix + name, { text: value.text, line: project.line(path, property) })
    }
  }
  for (const statement of project.source(path).statements) {
    if (!ts.isVariableStatement(statement)) continue
    for (const { initializer } of statement.declarationList.declarations) {
      let value = initializer
      while (value && (ts.isAsExpression(value) || ts.isSatisfiesExpression(value))) value = value.expression
      if (value && ts.isObjectLiteralExpression(value)) read(value, '')
    }
  }
  return words
}

/** Words a person reads stand in the language files, in no page. */
export function checkChineseInCode(project: Project): Finding[] {
  const findings: Finding[] = []
  for (const path of project.modules('web/src/')) {
    if (path.startsWith('web/src/i18n/')) continue
    walk(project.source(path), (node) => {
      const text = ts.isStringLiteralLike(node) || ts.isJsxText(node) || ts.isTemplateHead(node) ? node.text : ''
      if (chinese.test(text))
        findings.push({
          path,
          line: project.line(path, node),
          message: `holds the Chinese words “${text.trim().slice(0, 20)}”: put them into web/src/i18n`,
        })
    })
  }
  return findings
}
