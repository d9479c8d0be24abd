import { BlockList, isIP } from 'node:net'

/**
 * A third evaluator of Sigma, written from the specification 2.1.0 alone and sharing nothing with the engine: slow, and plain enough
 * to be checked by reading. It takes a detection as the JSON it was written in and one record. It knows valid rules only.
 */
export function judgeDetection(detection: Json, record: Json, placeholders: Record<string, string[]> = {}): boolean {
  const { condition, ...identifiers } = detection as Record<string, Json>
  const holds = (name: string) => judgeIdentifier(identifiers[name]!, record, placeholders)
  const conditions = (Array.isArray(condition) ? condition : [condition]) as string[]
  return conditions.some((text) => judgeCondition(text, Object.keys(identifiers), holds))
}

export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json }

/** or < and < not < x of < parentheses. */
function judgeCondition(text: string, names: string[], holds: (name: string) => boolean): boolean {
  const words = text.replace(/[()]/g, ' $& ').trim().split(/\s+/)
  const next = () => words[0]?.toLowerCase()
  const or = (): boolean => {
    let value = and()
    while (next() === 'or') {
      words.shift()
      value = and() || value
    }
    return value
  }
  const and = (): boolean => {
    let value = not()
    while (next() === 'and') {
      words.shift()
      value = not() && value
    }
    return value
  }
  const not = (): boolean => {
    if (next() !== 'not') return primary()
    words.shift()
    return !not()
  }
  const primary = (): boolean => {
    const word = words.shift()!
    if (word === '(') {
      const value = or()
      words.shift()
      return value
    }
    if (next() !== 'of') return holds(word)
    words.shift()
    const glob = words.shift()!
    const chosen = names.filter((name) => {
      if (glob === 'them') return !name.startsWith('_')
      if (name.startsWith('_') && !glob.startsWith('_')) return false
      const source = glob.split('*').map((piece) => piece.replace(/[^\w]/g, '\\$&'))
      return new RegExp(`^${source.join('.*')}$`).test(name)
    })
    return word === 'all' ? chosen.every(holds) : chosen.some(holds)
  }
  return or()
}

function judgeIdentifier(value: Json, record: Json, placeholders: Record<string, string[]>): boolean {
  if (Array.isArray(value)) return value.some((member) => judgeIdentifier(member, record, placeholders))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).every(([key, item]) => judgeItem(key, item, record, placeholders))
  return judgeItem('', value, record, placeholders)
}

/** One character of a Sigma string, or a wildcard. */
type Token = { char: string } | { wild: '*' | '?' }

interface Subject {
  present: boolean
  /** Everything there but null. */
  values: Json[]
  texts: string[]
  text(field: string): string[]
}

function judgeItem(key: string, value: Json, record: Json, placeholders: Record<string, string[]>): boolean {
  const [field = '', ...modifiers] = key.split('|')
  const found = field === '' ? leaves(record) : lookUp(record, field)
  const subject: Subject = { ...seen(found), text: (other) => seen(lookUp(record, other)).texts }
  const values = Array.isArray(value) ? (value.length === 0 ? [null] : value) : [value]
  // A keyword stands anywhere in a value.
  const applied = field === '' && !modifiers.includes('re') ? [...modifiers, 'contains'] : modifiers
  const one = (single: Json) => alternatives(single, applied, placeholders).some((test) => test(subject))
  const result = modifiers.includes('all') ? values.every(one) : values.some(one)
  return modifiers.includes('neq') ? !result : result
}

function seen(found: Json): Pick<Subject, 'present' | 'values' | 'texts'> {
  const values = (Array.isArray(found) ? found.flat(9) : [found]).filter((v) => v !== null && v !== undefined) as Json[]
  const texts = values.filter((v) => typeof v !== 'object').map(String)
  return { present: found !== undefined, values, texts }
}

/** The flat key, else the path; a path through a list fans out. */
function lookUp(value: Json, name: string): Json {
  if (Array.isArray(value)) {
    const all = value.map((member) => lookUp(member, name)).filter((member) => member !== undefined)
    return all.length === 0 ? undefined : all.flat(9)
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (Object.hasOwn(value, name) && value[name] !== undefined) return value[name]
  for (const key of Object.keys(value)) {
    if (!name.startsWith(`${key}.`)) continue
    const inner = lookUp(value[key], name.slice(key.length + 1))
    if (inner !== undefined) return inner
  }
  return undefined
}

function leaves(value: Json): Json[] {
  if (Array.isArray(value)) return value.flatMap(leaves)
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value]
}

type Test = (subject: Subject) => boolean

/** What one written value may match, after its modifiers. */
function alternatives(value: Json, modifiers: string[], placeholders: Record<string, string[]>): Test[] {
  const has = (name: string) => modifiers.includes(name)
  if (value === null || value === undefined) return [({ values }) => values.length === 0]
  if (has('exists')) return [({ present }) => present === value]
  const cased = has('cased')
  const before = has('contains') || has('endswith')
  const after = has('contains') || has('startswith')
  if (has('fieldref')) {
    const fold = (text: string) => (cased ? text : lower(text))
    const compare = (a: string, b: string) => {
      if (has('contains')) return a.includes(b)
      return after ? a.startsWith(b) : before ? a.endsWith(b) : a === b
    }
    return [({ texts, text }) => texts.some((a) => text(String(value)).some((b) => compare(fold(a), fold(b))))]
  }
  if (has('cidr')) return [({ texts }) => texts.some((text) => inNetwork(text, String(value)))]
  for (const part of ['minute', 'hour', 'day', 'week', 'month', 'year']) {
    if (has(part))
      return [({ texts }) => texts.some((text) => compareNumber(dateParts(text)?.[part], Number(value), modifiers))]
  }
  if (['lt', 'lte', 'gt', 'gte'].some(has))
    return [({ texts }) => texts.some((text) => compareNumber(decimal(text), Number(value), modifiers))]
  if (has('re')) {
    const flags = `u${has('i') ? 'i' : ''}${has('m') ? 'm' : ''}${has('s') ? 's' : ''}`
    const quote = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
    const sources = has('expand')
      ? fill(String(value), placeholders).map((pieces) =>
          pieces.map(({ text, filled }) => (filled ? quote(text) : text)).join(''),
        )
      : [String(value)]
    return sources.map(
      (source) =>
        ({ texts }) =>
          texts.some((text) => new RegExp(source, flags).test(text)),
    )
  }
  let strings: Token[][]
  if (has('expand'))
    strings = fill(String(value), placeholders).map((pieces) => tokens(pieces.map(({ text }) => text).join('')))
  else strings = [typeof value === 'string' ? tokens(value) : [...String(value)].map((char) => ({ char }))]
  if (has('windash')) strings = strings.flatMap(dashes)
  const encoding = modifiers.find((name) => name === 'wide' || name.startsWith('utf16'))
  if (has('base64')) strings = strings.map((text) => plain(bytesOf(text, encoding).toString('base64')))
  if (has('base64offset')) strings = strings.flatMap((text) => offsets(bytesOf(text, encoding)))
  return strings.map((string) => (subject) => {
    const star: Token = { wild: '*' }
    const pattern = [...(before ? [star] : []), ...string, ...(after ? [star] : [])]
    // A lone wildcard: there and not null.
    if (pattern.length > 0 && pattern.every((token) => 'wild' in token && token.wild === '*'))
      return subject.values.length > 0
    return subject.texts.some((text) => matches(pattern, text, cased))
  })
}

function lower(text: string): string {
  return text.toLowerCase().replaceAll('ς', 'σ')
}

/** `*` any length, `?` one code point; case-insensitive by lower-casing both sides. */
function matches(pattern: Token[], text: string, cased: boolean): boolean {
  const chars = [...(cased ? text : lower(text))]
  // Lower-casing may give several characters for one.
  const wanted: Token[] = pattern.flatMap((token): Token[] =>
    'wild' in token || cased ? [token] : [...lower(token.char)].map((char) => ({ char })),
  )
  let reach = new Set([0])
  for (const token of wanted) {
    const next = new Set<number>()
    for (const at of reach) {
      if ('char' in token) {
        if (chars[at] === token.char) next.add(at + 1)
      } else if (token.wild === '?') {
        if (at < chars.length) next.add(at + 1)
      } else for (let end = at; end <= chars.length; end++) next.add(end)
    }
    reach = next
  }
  return reach.has(chars.length)
}

/** Escapes are resolved once; a backslash before anything but `\ * ?` is itself. */
function tokens(text: string): Token[] {
  const list: Token[] = []
  const chars = [...text]
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!
    const following = chars[i + 1]
    if (char === '\\' && (following === '\\' || following === '*' || following === '?'))
      list.push({ char: chars[++i]! })
    else if (char === '*' || char === '?') list.push({ wild: char })
    else list.push({ char })
  }
  return list
}

function plain(text: string): Token[] {
  return [...text].map((char) => ({ char }))
}

/** Each `-` or `/` that begins a word stands for any dash, all combinations. */
function dashes(text: Token[]): Token[][] {
  const isWord = (token: Token | undefined) =>
    token !== undefined && 'char' in token && /[\p{L}\p{N}_]/u.test(token.char)
  let results: Token[][] = [[]]
  for (const [i, token] of text.entries()) {
    const isDash = 'char' in token && '-/'.includes(token.char) && !isWord(text[i - 1]) && isWord(text[i + 1])
    const choices = isDash ? plain('-/–—―') : [token]
    results = results.flatMap((result) => choices.map((choice) => [...result, choice]))
  }
  return results
}

function bytesOf(text: Token[], encoding: string | undefined): Buffer {
  const string = text.map((token) => ('char' in token ? token.char : '')).join('')
  if (encoding === undefined) return Buffer.from(string, 'utf8')
  const units: number[] = encoding === 'utf16' ? [0xff, 0xfe] : []
  for (let i = 0; i < string.length; i++) {
    const unit = string.charCodeAt(i)
    units.push(...(encoding === 'utf16be' ? [unit >> 8, unit & 255] : [unit & 255, unit >> 8]))
  }
  return Buffer.from(units)
}

/** The Base64 characters whose six bits lie wholly in the bytes, with 0, 1 and 2 bytes before them. */
function offsets(bytes: Buffer): Token[][] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(3)]).toString('base64')
    return [...encoded].flatMap((char, k): Token[] =>
      6 * k >= 8 * offset && 6 * k + 6 <= 8 * (offset + bytes.length) ? [{ char }] : [],
    )
  })
}

function inNetwork(text: string, network: string): boolean {
  const [base = '', prefix] = network.split('/')
  const family = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4')
  if (isIP(text) === 0 || isIP(text) !== isIP(base)) return false
  const list = new BlockList()
  list.addSubnet(base, prefix === undefined ? (isIP(base) === 4 ? 32 : 128) : Number(prefix), family(base))
  return list.check(text, family(text))
}

function decimal(text: string): number | undefined {
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}

function compareNumber(left: number | undefined, right: number, modifiers: string[]): boolean {
  if (left === undefined) return false
  if (modifiers.includes('lt')) return left < right
  if (modifiers.includes('lte')) return left <= right
  if (modifiers.includes('gt')) return left > right
  return modifiers.includes('gte') ? left >= right : left === right
}

/** As written, without any change of zone; a number is an epoch in seconds or milliseconds. */
function dateParts(text: string): Record<string, number> | undefined {
  const number = decimal(text)
  const written =
    number === undefined
      ? text
      : number >= 1e8 && number <= 1e14
        ? new Date(number < 1e11 ? number * 1000 : number).toISOString()
        : ''
  const date = /^(\d{4})-(\d\d)-(\d\d)/.exec(written)
  if (!date) return undefined
  const [year, month, day] = date.slice(1).map(Number) as [number, number, number]
  const parts: Record<string, number> = { year, month, day }
  const time = /^.{10}[T ](\d\d):(\d\d)/.exec(written)
  if (time) {
    parts.hour = Number(time[1])
    parts.minute = Number(time[2])
  }
  // Weeks begin on Monday; week 1 has the year's 4th of January.
  const monday = (ms: number) => ms - ((new Date(ms).getUTCDay() + 6) % 7) * 86_400_000
  const own = monday(Date.UTC(year, month - 1, day))
  for (const candidate of [year - 1, year, year + 1]) {
    const first = monday(Date.UTC(candidate, 0, 4))
    if (first <= own) parts.week = Math.round((own - first) / (7 * 86_400_000)) + 1
  }
  return parts
}

/** The text with its placeholders filled, every combination; `\%` is a percent sign. */
function fill(text: string, placeholders: Record<string, string[]>): { text: string; filled: boolean }[][] {
  const pieces = text.split(/(\\%|%[^%\s]+%)/)
  let results: { text: string; filled: boolean }[][] = [[]]
  for (const piece of pieces) {
    const values =
      piece === '\\%'
        ? [{ text: '%', filled: false }]
        : /^%.+%$/.test(piece)
          ? placeholders[piece.slice(1, -1)]!.map((item) => ({ text: item, filled: true }))
          : [{ text: piece, filled: false }]
    results = results.flatMap((result) => values.map((item) => [...result, item]))
  }
  return results
}
