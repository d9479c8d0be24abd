import type { SourceValues } from './run.ts'

/** Most events one record may become. */
const partsLimit = 10_000

/** Line ends, blanks and zero bytes behind the content say nothing. */
export function trimEnd(text: string): string {
  let end = text.length
  while (end > 0) {
    const code = text.charCodeAt(end - 1)
    if (code !== 10 && code !== 13 && code !== 0) break
    end--
  }
  return end === text.length ? text : text.slice(0, end)
}

export interface Part {
  text: string
  json: SourceValues | undefined
}

/**
 * The parts of a record that holds several: a JSON array of objects, lines of JSON objects, a Zeek log with its
 * header. Undefined when the record is one.
 */
export function splitParts(text: string): Part[] | undefined {
  const first = text.charCodeAt(0)
  if (first === 91 && text.charCodeAt(text.length - 1) === 93) {
    let list: unknown
    try {
      list = JSON.parse(text)
    } catch {
      return undefined
    }
    if (!Array.isArray(list) || list.length === 0 || list.length > partsLimit) return undefined
    if (list.some((item) => typeof item !== 'object' || item === null || Array.isArray(item))) return undefined
    return list.map((item: SourceValues) => ({ text: JSON.stringify(item), json: item }))
  }
  const isZeek = first === 35 && text.startsWith('#separator')
  if ((first !== 123 && !isZeek) || !text.includes('\n')) return undefined
  const lines = text.split('\n', partsLimit + 1).filter((line) => line.trim() !== '')
  if (lines.length < 2 || lines.length > partsLimit) return undefined
  if (!isZeek && !lines.every((line) => line.charCodeAt(0) === 123 && /\}\s*$/.test(line))) return undefined
  return lines.map((line) => ({ text: trimEnd(line), json: undefined }))
}
