/** A piece of SQL with named parameters; values never stand in the text. */
export class SqlParameters {
  readonly values: Record<string, unknown> = {}
  #count = 0

  /** Adds a value and answers its placeholder, e.g. `{p3: String}`. */
  add(type: string, value: string | number | boolean | readonly string[]): string {
    const name = `p${this.#count++}`
    this.values[name] = value
    return `{${name}: ${type}}`
  }

  /** The SQL as a person reads it: placeholders replaced by literals, blank lines and indentation tidied. */
  show(sql: string): string {
    const filled = sql.replace(/\{(p\d+): [^}]+\}/g, (_, name: string) => literal(this.values[name]))
    return filled
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join('\n')
  }
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'string') return `'${value.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`
  return String(value)
}
