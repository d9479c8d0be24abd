import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path/posix'
import ts from 'typescript'

/** One thing that is wrong, and where. */
export interface Finding {
  path: string
  /** First line is 1; absent when the file as a whole is meant. */
  line?: number
  message: string
}

/** How one file of ours names something of another. */
export interface Reference {
  /** Path in the repository the specifier leads to; it may not exist. Undefined for packages. */
  target: string | undefined
  specifier: string
  /** Imported names; `*` stands for all of them (namespace, dynamic import, worker, re-export of everything). */
  names: string[]
  line: number
  isTypeOnly: boolean
  isReexport: boolean
}

/** The files of the repository, as text, with TypeScript parsed at first need. */
export class Project {
  readonly files: ReadonlyMap<string, string>
  private readonly parsed = new Map<string, ts.SourceFile>()
  private readonly referenced = new Map<string, Reference[]>()

  /** `files`: path relative to the root, with forward slashes, to content. */
  constructor(files: Record<string, string> | Map<string, string>) {
    this.files = files instanceof Map ? files : new Map(Object.entries(files))
  }

  paths(prefix: string, suffix: RegExp = /(?:)/): string[] {
    return [...this.files.keys()].filter((path) => path.startsWith(prefix) && suffix.test(path))
  }

  /** TypeScript modules below a folder; tests only when asked for. */
  modules(prefix: string, options: { tests?: boolean } = {}): string[] {
    return this.paths(prefix, /\.tsx?$/).filter((path) => !path.endsWith('.d.ts') && (options.tests || !isTest(path)))
  }

  has(path: string): boolean {
    return this.files.has(path)
  }

  text(path: string): string {
    const text = this.files.get(path)
    if (text === undefined) throw new Error(`${path} is not in the project`)
    return text
  }

  source(path: string): ts.SourceFile {
    let source = this.parsed.get(path)
    if (!source) {
      const kind = path.endsWith('x') ? ts.ScriptKind.TSX : /\.m?js$/.test(path) ? ts.ScriptKind.JS : ts.ScriptKind.TS
      source = ts.createSourceFile(path, this.text(path), ts.ScriptTarget.ES2022, true, kind)
      this.parsed.set(path, source)
    }
    return source
  }

  line(path: string, node: ts.Node): number {
    const source = this.source(path)
    return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
  }

  references(path: string): Reference[] {
    let references = this.referenced.get(path)
    if (!references) {
      references = readReferences(this, path)
      this.referenced.set(path, references)
    }
    return references
  }
}

/** A test, or what only tests beside the source use. */
export function isTest(path: string): boolean {
  return /(\.test|-for-tests)\.tsx?$/.test(path)
}

/** Calls `visit` for every node below `node`. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

const textFile =
  /\.(tsx?|mjs|js|json|md|ya?ml|css|html|sql|log|ndjson|txt|csv|py|sh)$|(^|\/)(LICENSE|NOTICE|\.ci\/run|\.npmrc|\.gitignore|Dockerfile)$/

/** Reads every tracked or not yet tracked text file that git does not ignore. */
export function readProject(root: string): Project {
  const listing = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 1 << 28,
  })
  if (listing.status !== 0) throw new Error(`git ls-files failed: ${listing.stderr}`)
  const files = new Map<string, string>()
  for (const path of listing.stdout.toString().split('\0')) {
    if (path === '') continue
    try {
      files.set(path, textFile.test(path) ? readFileSync(join(root, path), 'utf8') : '')
    } catch (error) {
      // Deleted but still in the index.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return new Project(files)
}

function readReferences(project: Project, path: string): Reference[] {
  const references: Reference[] = []
  const add = (
    node: ts.Node,
    specifier: string,
    names: string[],
    flags: { isTypeOnly?: boolean; isReexport?: boolean } = {},
  ) => {
    const target = specifier.startsWith('.')
      ? normalize(join(dirname(path), specifier.replace(/\?.*$/, '')))
      : undefined
    const { isTypeOnly = false, isReexport = false } = flags
    references.push({ target, specifier, names, line: project.line(path, node), isTypeOnly, isReexport })
  }
  walk(project.source(path), (node) => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      add(node, node.moduleSpecifier.text, importedNames(node.importClause), {
        isTypeOnly: node.importClause?.isTypeOnly,
      })
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      const clause = node.exportClause
      const names =
        clause && ts.isNamedExports(clause)
          ? clause.elements.map((element) => (element.propertyName ?? element.name).text)
          : ['*']
      add(node, node.moduleSpecifier.text, names, { isReexport: true, isTypeOnly: node.isTypeOnly })
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const argument = node.arguments[0]
      if (argument && ts.isStringLiteralLike(argument)) add(node, argument.text, ['*'])
    } else if (
      ts.isImportTypeNode(node) &&
      ts.isLiteralTypeNode(node.argument) &&
      ts.isStringLiteral(node.argument.literal)
    ) {
      add(node, node.argument.literal.text, ['*'], { isTypeOnly: true })
    } else if (
      ts.isNewExpression(node) &&
      node.expression.getText() === 'URL' &&
      node.arguments?.[1]?.getText() === 'import.meta.url'
    ) {
      // Worker threads and children are started by URL; with a part left open every file that fits is meant.
      for (const specifier of startedFiles(project, path, node.arguments[0]!)) add(node, specifier, ['*'])
    }
  })
  return references
}

/** Relative specifiers that a URL beside this module may lead to: one for a plain text, all that fit for a template. */
function startedFiles(project: Project, path: string, argument: ts.Expression): string[] {
  if (ts.isStringLiteralLike(argument)) {
    const { text } = argument
    return /\.(ts|js|mjs)$/.test(text) ? [text.startsWith('.') ? text : `./${text}`] : []
  }
  if (!ts.isTemplateExpression(argument)) return []
  const end = argument.templateSpans.at(-1)!.literal.text
  if (!/\.(ts|js|mjs)$/.test(end)) return []
  const start = normalize(join(dirname(path), argument.head.text))
  return project
    .paths(start)
    .filter(
      (candidate) =>
        !isTest(candidate) && [end, end.replace(/\.js$/, '.ts')].some((suffix) => candidate.endsWith(suffix)),
    )
    .map((candidate) => `./${relative(dirname(path), candidate)}`)
}

function importedNames(clause: ts.ImportClause | undefined): string[] {
  if (!clause) return []
  const names = clause.name ? ['default'] : []
  const bindings = clause.namedBindings
  if (bindings && ts.isNamespaceImport(bindings)) names.push('*')
  if (bindings && ts.isNamedImports(bindings))
    names.push(...bindings.elements.map((element) => (element.propertyName ?? element.name).text))
  return names
}
