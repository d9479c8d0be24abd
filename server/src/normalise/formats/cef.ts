/** ArcSight Common Event Format and IBM Log Event Extended Format, from their public descriptions. */
export interface DeviceEvent {
  version: string
  vendor: string
  product: string
  deviceVersion: string
  /** Event class id (CEF), event id (LEEF). */
  code: string
  name: string
  severity: string
  extensions: Record<string, string>
}

/** `CEF:0|vendor|product|version|class id|name|severity|key=value …`; undefined when the text is not that. */
export function readCef(text: string): DeviceEvent | undefined {
  if (!text.startsWith('CEF:')) return undefined
  const header: string[] = []
  let start = 4
  for (let at = 4; at < text.length && header.length < 7; at++) {
    const code = text.charCodeAt(at)
    if (code === 92) at++
    else if (code === 124) {
      header.push(unescapeHeader(text.slice(start, at)))
      start = at + 1
    }
  }
  // Some devices leave out the last bar when there are no extensions.
  if (header.length === 6) {
    header.push(text.slice(start).trim())
    start = text.length
  }
  if (header.length < 7) return undefined
  return {
    version: header[0]!.trim(),
    vendor: header[1]!,
    product: header[2]!,
    deviceVersion: header[3]!,
    code: header[4]!,
    name: header[5]!,
    severity: header[6]!,
    extensions: readCefExtensions(text, start),
  }
}

function unescapeHeader(text: string): string {
  return text.includes('\\') ? text.replace(/\\([|\\])/g, '$1') : text
}

const extensionsLimit = 1024

/** A value runs to the blank before the next ` key=`; an equals sign inside a value is written `\=`. */
function readCefExtensions(text: string, from: number): Record<string, string> {
  const extensions: Record<string, string> = Object.create(null)
  let count = 0
  let equals = nextKey(text, from, from)
  let keyStart = equals < 0 ? -1 : startOfKey(text, equals, from)
  while (equals >= 0 && count < extensionsLimit) {
    const key = text.slice(keyStart, equals)
    const next = nextKey(text, equals + 1, equals + 1)
    const nextStart = next < 0 ? text.length + 1 : startOfKey(text, next, equals + 1)
    let end = Math.min(nextStart - 1, text.length)
    while (end > equals + 1 && text.charCodeAt(end - 1) === 32) end--
    const value = text.slice(equals + 1, end)
    extensions[key] = value.includes('\\') ? unescapeValue(value) : value
    count++
    equals = next
    keyStart = nextStart
  }
  return extensions
}

/** The next unescaped `=` with a key in front of it that follows a blank or stands at the start. */
function nextKey(text: string, from: number, start: number): number {
  for (let at = text.indexOf('=', from); at >= 0; at = text.indexOf('=', at + 1)) {
    if (text.charCodeAt(at - 1) === 92) continue
    const key = startOfKey(text, at, start)
    if (key < at && (key === start ? start === from && isStart(text, start) : isBlank(text.charCodeAt(key - 1))))
      return at
  }
  return -1
}

function isStart(text: string, at: number): boolean {
  return text.charCodeAt(at - 1) === 124 || isBlank(text.charCodeAt(at - 1))
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13
}

function startOfKey(text: string, equals: number, floor: number): number {
  let at = equals
  while (at > floor) {
    const code = text.charCodeAt(at - 1)
    const word =
      (code >= 97 && code <= 122) ||
      (code >= 65 && code <= 90) ||
      (code >= 48 && code <= 57) ||
      code === 95 ||
      code === 46 ||
      code === 45 ||
      code > 127
    if (!word) break
    at--
  }
  return at
}

function unescapeValue(text: string): string {
  return text.replace(/\\([\\=|nr])/g, (_, code: string) => (code === 'n' ? '\n' : code === 'r' ? '\r' : code))
}

/** `LEEF:1.0|vendor|product|version|id|` tab-separated pairs; `LEEF:2.0|…|id|delimiter|pairs`. */
export function readLeef(text: string): DeviceEvent | undefined {
  if (!text.startsWith('LEEF:')) return undefined
  const header = text.slice(5).split('|', 5)
  if (header.length < 5) return undefined
  let at = 5 + header.join('|').length + 1
  let delimiter = '\t'
  if (header[0]!.trim().startsWith('2')) {
    const bar = text.indexOf('|', at)
    if (bar >= 0 && bar - at <= 5) {
      delimiter = delimiterOf(text.slice(at, bar)) ?? delimiter
      at = bar + 1
    }
  }
  const extensions: Record<string, string> = Object.create(null)
  const content = text.slice(at)
  let count = 0
  for (const pair of content.includes(delimiter) ? content.split(delimiter) : [content]) {
    const equals = pair.indexOf('=')
    if (equals > 0 && ++count <= extensionsLimit)
      extensions[pair.slice(0, equals).trim()] = pair.slice(equals + 1).trim()
  }
  return {
    version: header[0]!.trim(),
    vendor: header[1]!,
    product: header[2]!,
    deviceVersion: header[3]!,
    code: header[4]!,
    name: '',
    severity: extensions.sev ?? '',
    extensions,
  }
}

/** A single character, or its code as `x09` or `0x09`. */
function delimiterOf(text: string): string | undefined {
  const hex = /^0?x([0-9a-fA-F]{2,4})$/.exec(text)
  if (hex) return String.fromCharCode(Number.parseInt(hex[1]!, 16))
  return text.length === 1 ? text : undefined
}
