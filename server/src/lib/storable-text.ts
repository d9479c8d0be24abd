/** U+0000 and lone surrogates: PostgreSQL's text and jsonb refuse both. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: U+0000 is what we look for
const unstorable = /[\u0000\ud800-\udfff]/gu

/** `text` with what cannot be stored replaced by U+FFFD, and cut at `lengthMax` UTF-16 units. */
export function storableText(text: string, lengthMax = Number.POSITIVE_INFINITY): string {
  const cut = text.length > lengthMax ? text.slice(0, lengthMax) : text
  return cut.replace(unstorable, '\ufffd')
}

/** A JSON value with every text in it, keys too, made storable; dates become ISO text and undefined members go. */
export function storableJson(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value)
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map((item) => storableJson(item ?? null))
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return Object.fromEntries(members.map(([key, member]) => [storableText(key), storableJson(member)]))
  }
  if (typeof value === 'bigint') return value.toString()
  return typeof value === 'number' && !Number.isFinite(value) ? null : value
}
