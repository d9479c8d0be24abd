import ts from 'typescript'
import type { Finding, Project } from './project.ts'

/** The layers from left to right; a file imports only from what stands left of it. Stages stand side by side. */
const layers: string[][] = [
  ['lib'],
  ['event'],
  ['config'],
  ['seams'],
  ['state'],
  ['collect', 'traffic', 'normalise', 'enrich', 'detect', 'correlate', 'respond'],
  ['present'],
  ['app'],
  ['main.ts'],
]

/** Reading packets is shared work of the packet collector and the sensor. */
const siblingsAllowed = new Set(['collect -> traffic'])

const serverRoot = 'server/src/'

function partOf(path: string): string {
  return path.slice(serverRoot.length).split('/')[0]!
}

function rankOf(part: string): number {
  return layers.findIndex((layer) => layer.includes(part))
}

/** Imports of the server go from right to left only; siblings, content and the web client stay apart. */
export function checkImportOrder(project: Project): Finding[] {
  const findings: Finding[] = []
  for (const path of project.modules(serverRoot, { tests: true })) {
    const from = partOf(path)
    if (rankOf(from) < 0) findings.push({ path, message: `the folder ${from} is in no layer of the design` })
    for (const { target, line } of project.references(path)) {
      if (target === undefined) continue
      const report = (message: string) => findings.push({ path, line, message })
      if (!target.startsWith(serverRoot)) {
        // A test may look at content and at the tests' own harness; the product loads content at run time.
        if (!path.endsWith('.test.ts') && !target.endsWith('.json'))
          report(`imports ${target}, which lies outside server/src`)
        continue
      }
      const to = partOf(target)
      if (from === to || siblingsAllowed.has(`${from} -> ${to}`)) continue
      if (rankOf(to) > rankOf(from)) report(`imports ${target}: ${from} stands left of ${to}`)
      else if (rankOf(to) === rankOf(from)) report(`imports ${target}: ${from} and ${to} are siblings`)
    }
  }
  for (const path of project.modules('web/src/', { tests: true })) {
    for (const { target, line } of project.references(path)) {
      if (target !== undefined && !target.startsWith('web/')) {
        findings.push({ path, line, message: `imports ${target}: the web client sees only the public API` })
      }
    }
  }
  return findings
}

/** Relative imports lead to files that exist. */
export function checkTargets(project: Project): Finding[] {
  return ownModules(project).flatMap((path) =>
    project
      .references(path)
      .filter(
        ({ target }) => target !== undefined && !/\/(dist|node_modules)\//.test(target) && !exists(project, target),
      )
      .map(({ specifier, line }) => ({ path, line, message: `${specifier} leads to no file` })),
  )
}

function exists(project: Project, target: string): boolean {
  return (
    project.has(target) ||
    project.has(target.replace(/\.js$/, '.ts')) ||
    project.paths(target.endsWith('/') ? target : `${target}/`).length > 0
  )
}

function ownModules(project: Project): string[] {
  return ['server/src/', 'web/src/', 'tests/', 'tools/'].flatMap((prefix) => project.modules(prefix, { tests: true }))
}

/** No module imports itself by a detour. Types that are erased do not count: they cost nothing at run time. */
export function checkCycles(project: Project): Finding[] {
  const findings: Finding[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (path: string, trail: string[]) => {
    state.set(path, 'open')
    for (const { target, isTypeOnly, names } of project.references(path)) {
      // A dynamic import or a worker runs later; a cycle is one of static imports.
      if (target === undefined || isTypeOnly || !project.has(target) || !/\.tsx?$/.test(target) || names[0] === '*')
        continue
      if (state.get(target) === 'open') {
        const cycle = [...trail.slice(trail.indexOf(target)), target]
        findings.push({ path, message: `import cycle: ${cycle.join(' -> ')}` })
      } else if (!state.has(target)) {
        visit(target, [...trail, target])
      }
    }
    state.set(path, 'done')
  }
  for (const path of ownModules(project)) if (!state.has(path)) visit(path, [path])
  return findings
}

/** No file exists to hand on what others define. */
export function checkBarrels(project: Project): Finding[] {
  return ['server/src/', 'web/src/', 'tools/'].flatMap((prefix) =>
    project.modules(prefix).flatMap((path) => {
      const statements = project.source(path).statements
      const isReexport = (statement: ts.Statement) =>
        ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined
      return statements.filter(isReexport).map((statement) => ({
        path,
        line: project.line(path, statement),
        message: 're-exports from another file: import from where it is defined',
      }))
    }),
  )
}
