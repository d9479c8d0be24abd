import type { SourceValues } from '../run.ts'

/** Values in fixed columns; quoted values may hold the separator, a doubled quote is a quote (RFC 4180). */
export function readSeparatedValues(text: string, separator: string, columns: string[]): SourceValues | undefined {
  const values = text.includes('"') ? splitQuoted(text, separator) : text.split(separator)
  if (values.length < Math.min(2, columns.length) || values.length > columns.length + 64) return undefined
  const source: SourceValues = {}
  for (let index = 0; index < columns.length && index < values.length; index++) {
    const name = columns[index]!
    const value = values[index]!.trim()
    if (name !== '' && value !== '') source[name] = value
  }
  return source
}

function splitQuoted(text: string, separator: string): string[] {
  const values: string[] = []
  let value = ''
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (quoted) {
      if (character !== '"') value += character
      else if (text.charAt(at + 1) === '"') {
        value += '"'
        at++
      } else quoted = false
    } else if (character === '"' && value.trim() === '') {
      value = ''
      quoted = true
    } else if (text.startsWith(separator, at)) {
      values.push(value)
      value = ''
      at += separator.length - 1
    } else value += character
  }
  values.push(value)
  return values
}
