/** Values under the record's own names. */
type SourceValues = Record<string, unknown>

/** How far into the text the JSON may begin. */
const prefixLimit = 512

/** The JSON object that ends a line some program put words in front of: `tag : {"a": 1}`, `name: [{…}]`. */
export function readEmbeddedJson(text: string): SourceValues | undefined {
  const end = text.trimEnd()
  const last = end.charCodeAt(end.length - 1)
  if (last !== 125 && last !== 93) return undefined
  for (const mark of ['{"', '[{"', '{ "', '{\t"']) {
    const start = text.indexOf(mark)
    if (start < 0 || start > prefixLimit) continue
    try {
      const value: unknown = JSON.parse(end.slice(start))
      const record = Array.isArray(value) ? value[0] : value
      if (typeof record === 'object' && record !== null && !Array.isArray(record)) {
        return Array.isArray(value) && value.length > 1 ? { items: value } : (record as SourceValues)
      }
    } catch {
      // The next mark may stand where the object really begins.
    }
  }
  return undefined
}
