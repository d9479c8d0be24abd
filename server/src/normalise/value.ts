import { type FilePath, ParserProblem } from './problem.ts'
import type { Run, SourceValues } from './run.ts'

export type Reader = (run: Run) => unknown

/**
 * Reads a value by name: `$field` is a field set before; `message` is the content when the source has no such name
 * and is no JSON;
 * `program` is that of the header; anything else is a value of the source, flat first, then nested by its dots.
 */
export function createReader(name: string): Reader {
  if (name.startsWith('$')) {
    const field = name.slice(1)
    return (run) => run.fields[field]
  }
  if (name === 'message') return (run) => run.source.message ?? (run.text.charCodeAt(0) === 123 ? undefined : run.text)
  if (name === 'program') return (run) => run.source.program ?? run.program
  if (name === 'host') return (run) => run.source.host ?? (run.header.host || undefined)
  if (!name.includes('.')) return (run) => run.source[name]
  const parts = name.split('.')
  return (run) => run.source[name] ?? valueAt(run.source, parts)
}

/** Value at a nested path, or undefined. */
export function valueAt(source: SourceValues, parts: string[]): unknown {
  let value: unknown = source
  for (const part of parts) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as SourceValues)[part]
  }
  return value
}

const filters: Record<string, (text: string) => string> = {
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
  slug,
  basename: (text) => text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1),
}

/** Lower case, runs of anything but letters and digits become one `-`. */
function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
}

/** `text {name} {name|lower}`; undefined when a name has no value. */
export function compileTemplate(template: string, path: FilePath): (run: Run) => string | undefined {
  const parts: (string | Reader)[] = []
  let last = 0
  for (const match of template.matchAll(/\{([^{}]+)\}/g)) {
    parts.push(template.slice(last, match.index))
    const [name, filter] = match[1]!.split('|') as [string, string | undefined]
    const read = createReader(name.trim())
    if (filter === undefined) parts.push(read)
    else {
      const change = filters[filter.trim()]
      if (!change)
        throw new ParserProblem(path, `there is no filter ${filter}; there are ${Object.keys(filters).join(', ')}`)
      // The same few values pass again and again (names of logs, of vendors).
      const cache = new Map<string, string>()
      parts.push((run) => {
        const value = read(run)
        if (value === undefined || value === null || value === '') return undefined
        const text = String(value)
        let changed = cache.get(text)
        if (changed === undefined) {
          changed = change(text)
          if (cache.size < 1000) cache.set(text, changed)
        }
        return changed
      })
    }
    last = match.index + match[0].length
  }
  parts.push(template.slice(last))
  return (run) => {
    let text = ''
    for (const part of parts) {
      if (typeof part === 'string') text += part
      else {
        const value = part(run)
        if (value === undefined || value === null || value === '') return undefined
        text += Array.isArray(value)
          ? value.join(', ')
          : typeof value === 'object'
            ? JSON.stringify(value)
            : String(value)
      }
    }
    return text
  }
}
