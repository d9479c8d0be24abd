import { dirname, join, normalize } from 'node:path/posix'
import type { Finding, Project } from './project.ts'

const rootFolders = /^(server|web|tests|tools|content|docs|deploy|\.ci)\//

/** Paths, links and commands that documents name exist. A path with `<name>` or `...` in it is a pattern, not a path. */
export function checkDocuments(project: Project): Finding[] {
  const scripts = project.has('package.json')
    ? Object.keys((JSON.parse(project.text('package.json')) as { scripts?: object }).scripts ?? {})
    : []
  const findings: Finding[] = []
  for (const path of project.paths('', /\.md$/)) {
    const lines = project.text(path).split('\n')
    for (const [index, line] of lines.entries()) {
      const report = (message: string) => findings.push({ path, line: index + 1, message })
      for (const [, quoted] of line.matchAll(/`([^`]+)`/g)) {
        for (const word of quoted!.split(/\s+/)) {
          const named = word
            .replace(/^\.\//, '')
            .replace(/[,;:.]+$/, '')
            .replace(/:\d+$/, '')
          if (
            rootFolders.test(named) &&
            !/[<>*{}]|\.\.\.|…/.test(named) &&
            !isIgnored(named) &&
            !exists(project, named)
          )
            report(`names ${named}, which does not exist`)
        }
        const script = /^npm run ([\w:-]+)/.exec(quoted!)?.[1]
        if (script && !scripts.includes(script)) report(`names npm run ${script}, which is no script`)
      }
      for (const [, link] of line.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(link!)) continue
        const target = normalize(join(dirname(path), link!))
        if (!exists(project, target)) report(`links to ${target}, which does not exist`)
      }
    }
  }
  return findings
}

/** What is built or made while running is named in documents but lies in no clone. */
function isIgnored(path: string): boolean {
  return /(^|\/)(dist|node_modules|\.artefacts)(\/|$)/.test(path)
}

function exists(project: Project, path: string): boolean {
  const clean = path.replace(/\/$/, '')
  return project.has(clean) || project.paths(`${clean}/`).length > 0
}

const registryHost =
  /\bregistry\.[a-z0-9-]+\.(com|org|net|io|cn|dev|local|internal|lan)\b|\bnpmmirror\.|\bverdaccio\b|"resolved":\s*"https?:/i

/** Nothing tells where this was written: no path of this machine, no registry. `machinePaths` are this checkout's own. */
export function checkMachinePaths(project: Project, machinePaths: string[]): Finding[] {
  const findings: Finding[] = []
  for (const path of project.paths('')) {
    if (path.startsWith('tools/tidy/')) continue
    const text = project.text(path)
    for (const machinePath of machinePaths) {
      if (text.includes(machinePath))
        findings.push({
          path,
          line: lineOf(text, text.indexOf(machinePath)),
          message: `names ${machinePath}, a path of this machine`,
        })
    }
    const registry = registryHost.exec(text)
    if (registry)
      findings.push({ path, line: lineOf(text, registry.index), message: `names a package registry (${registry[0]})` })
  }
  return findings
}

function lineOf(text: string, position: number): number {
  return text.slice(0, position).split('\n').length
}
