import { NotUnderstood, type Run, type SourceValues } from '../run.ts'

/** Name of the columns in the memory of a sender. */
export const zeekColumnsName = 'zeek'

/** What header lines have said of the rows that follow; plain data, so that it can be kept in a file. */
export interface ZeekColumns {
  path: string
  names: string[]
  types: string[]
  separator: string
  setSeparator: string
  empty: string
  unset: string
}

/**
 * A line of a Zeek log in its tab-separated form. The header lines (`#fields`, `#types`, `#path`) establish the
 * columns for the sender and are remembered; they are preambles, not events of their own.
 */
export function readZeekTsv(run: Run): SourceValues | undefined {
  const { text, memory } = run
  let columns = memory.get(zeekColumnsName) as ZeekColumns | undefined
  if (text.charCodeAt(0) === 35) {
    if (text.startsWith('#separator') || !columns) {
      columns = { path: '', names: [], types: [], separator: '\t', setSeparator: ',', empty: '(empty)', unset: '-' }
      memory.set(zeekColumnsName, columns)
    }
    readHeader(text, columns)
    run.isPreamble = true
    return { header: text }
  }
  if (!columns || columns.names.length === 0) throw new NotUnderstood('no #fields line came before this one')
  const values = text.split(columns.separator)
  if (values.length !== columns.names.length) {
    throw new NotUnderstood(`${values.length} columns where #fields names ${columns.names.length}`)
  }
  const source: SourceValues = { _path: columns.path }
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!
    if (value === columns.unset) continue
    source[columns.names[index]!] = typed(value, columns.types[index] ?? 'string', columns)
  }
  return source
}

function readHeader(text: string, columns: ZeekColumns): void {
  if (text.startsWith('#separator')) {
    const written = text.slice(10).trim()
    const hex = /^\\x([0-9a-fA-F]{2})$/.exec(written)
    columns.separator = hex ? String.fromCharCode(Number.parseInt(hex[1]!, 16)) : written || '\t'
    return
  }
  const [name, ...rest] = text.split(columns.separator) as [string, ...string[]]
  if (name === '#fields') columns.names = rest.slice(0, 500)
  else if (name === '#types') columns.types = rest.slice(0, 500)
  else if (name === '#path') columns.path = rest[0] ?? ''
  else if (name === '#set_separator') columns.setSeparator = rest[0] ?? ','
  else if (name === '#empty_field') columns.empty = rest[0] ?? '(empty)'
  else if (name === '#unset_field') columns.unset = rest[0] ?? '-'
}

function typed(value: string, type: string, columns: ZeekColumns): unknown {
  switch (type) {
    case 'count':
    case 'int':
    case 'port':
    case 'time':
    case 'interval':
    case 'double':
      return Number(value)
    case 'bool':
      return value === 'T'
    default:
      if (type.startsWith('set[') || type.startsWith('vector[')) {
        if (value === columns.empty) return []
        const inner = type.slice(type.indexOf('[') + 1, -1)
        return value
          .split(columns.setSeparator)
          .map((item) => (item === columns.unset ? null : typed(item, inner, columns)))
      }
      if (value === columns.empty) return ''
      return value.includes('\\x') ? unescapeHex(value) : value
  }
}

/** Zeek writes bytes that are not printable as `\xNN`; together they are UTF-8 when they can be. */
function unescapeHex(value: string): string {
  return value.replace(/(?:\\x[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll('\\x', ''), 'hex').toString())
}
