import ts from 'typescript'
import { type Finding, isTest, type Project, walk } from './project.ts'

/** Where running begins: programs, pages, scripts named in package.json, and everything a test runner collects. */
function isEntry(project: Project, path: string): boolean {
  if (isTest(path) || path.startsWith('tests/')) return true
  if (path === 'server/src/main.ts' || path === 'web/src/main.tsx') return true
  return path.startsWith('tools/') && !path.slice('tools/'.length).includes('/') && isNamed(project, path)
}

/** A tool is alive when a package script, the checks of a fresh clone or a document names it. */
function isNamed(project: Project, path: string): boolean {
  const name = path.slice('tools/'.length)
  const users = [
    'package.json',
    'server/package.json',
    'web/package.json',
    '.ci/run',
    ...project.paths('tools/', /\.mjs$/),
    ...project.paths('', /\.md$/),
  ]
  return users.some((user) => user !== path && project.has(user) && project.text(user).includes(name))
}

const roots = ['server/src/', 'web/src/', 'tools/', 'tests/']

/** Files of the product that no program reaches. A test alone does not keep a file alive. */
export function checkDeadFiles(project: Project): Finding[] {
  const all = roots.flatMap((root) => project.modules(root, { tests: true }))
  const productive = all.filter((path) => !isTest(path) && !path.startsWith('tests/'))
  const reached = reach(
    project,
    all.filter((path) => isEntry(project, path) && !isTest(path)),
  )
  return productive.filter((path) => !reached.has(path)).map((path) => ({ path, message: 'no program uses this file' }))
}

function reach(project: Project, entries: string[]): Set<string> {
  const reached = new Set(entries)
  const queue = [...entries]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (const { target } of project.references(path)) {
      if (target === undefined || !/\.(tsx?|js)$/.test(target)) continue
      // Programs name compiled siblings (`./worker.js`) where the source has `.ts`.
      for (const candidate of [target, target.replace(/\.js$/, '.ts')]) {
        if (project.has(candidate) && !reached.has(candidate)) {
          reached.add(candidate)
          queue.push(candidate)
        }
      }
    }
  }
  return reached
}

/** Exported values that no other file imports, and exported types that not even their own file uses. */
export function checkDeadExports(project: Project): Finding[] {
  const used = new Map<string, Set<string>>()
  for (const root of roots) {
    for (const path of [...project.modules(root, { tests: true }), ...project.paths(root, /\.(d\.ts|mjs)$/)]) {
      for (const { target, names } of project.references(path)) {
        if (target === undefined) continue
        const known = used.get(target) ?? new Set()
        for (const name of names) known.add(name)
        used.set(target, known)
      }
    }
  }
  const findings: Finding[] = []
  for (const path of roots.flatMap((root) => project.modules(root))) {
    const names = used.get(path) ?? new Set<string>()
    if (names.has('*') || isLoadedByName(path)) continue
    for (const { name, node, isType } of exportsOf(project, path)) {
      if (names.has(name) || (isType && isUsedInside(project, path, name, node))) continue
      findings.push({ path, line: project.line(path, node), message: `nothing imports ${name}` })
    }
  }
  return findings
}

/** Benchmarks and tables of the database are collected by their folder, configurations by their tool. */
function isLoadedByName(path: string): boolean {
  return (
    path.startsWith('tests/bench/') ||
    path.startsWith('server/src/seams/store/schema/') ||
    /\.config\.ts$/.test(path) ||
    path === 'tools/test-reporter.ts'
  )
}

interface Export {
  name: string
  node: ts.Node
  isType: boolean
}

function exportsOf(project: Project, path: string): Export[] {
  const found: Export[] = []
  for (const statement of project.source(path).statements) {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : []
    if (ts.isExportAssignment(statement)) found.push({ name: 'default', node: statement, isType: false })
    if (!modifiers.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword)) continue
    if (modifiers.some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword)) {
      found.push({ name: 'default', node: statement, isType: false })
    } else if (ts.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) {
        for (const name of boundNames(declaration.name)) found.push({ name, node: declaration, isType: false })
      }
    } else if ((ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name) {
      found.push({ name: statement.name.text, node: statement, isType: false })
    } else if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
      found.push({ name: statement.name.text, node: statement, isType: true })
    }
  }
  return found
}

function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text]
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []))
}

/** A type that appears in other declarations of its file is part of their signatures. */
function isUsedInside(project: Project, path: string, name: string, declaration: ts.Node): boolean {
  let used = false
  for (const statement of project.source(path).statements) {
    if (statement === declaration) continue
    walk(statement, (node) => {
      if (ts.isIdentifier(node) && node.text === name) used = true
    })
  }
  return used
}
