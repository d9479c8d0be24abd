import { StringDecoder } from 'node:string_decoder'
import { CodedError } from '../../event/errors.ts'
import type { AddRecord, Cutter } from './read.ts'

type XmlValue = string | null | XmlMap | XmlValue[]
interface XmlMap {
  [name: string]: XmlValue
}

const eventStart = /<Event[\s>]/g
const eventEnd = '</Event>'
const depthLimit = 48

/**
 * Cuts rendered Windows event XML (Event Viewer, `wevtutil qe /f:xml`, Windows Event Collector) into its events, each as one line of
 * JSON in the shape evtx_dump gives. The rendered texts (`RenderingInfo`) stay beside it; an event that is no XML is handed on as text.
 */
export class WindowsXmlCutter implements Cutter {
  private readonly decoder = new StringDecoder('utf8')
  private readonly limit: number
  private readonly add: AddRecord
  private text = ''
  private unreadable = 0

  constructor(recordBytes: number, add: AddRecord) {
    this.limit = 16 * recordBytes
    this.add = add
  }

  push(bytes: Buffer, at: number): void {
    this.text += this.decoder.write(bytes)
    this.cut(at + bytes.length)
    if (this.text.length > this.limit) {
      throw new CodedError('TOO_LARGE', `An event near byte ${at} exceeds the bound of a record`, { offset: at })
    }
  }

  end(at: number): boolean {
    this.text += this.decoder.end()
    this.cut(at)
    return !eventStart.test(this.text)
  }

  warning(): string | undefined {
    return this.unreadable === 0 ? undefined : `${this.unreadable} events are no XML`
  }

  private cut(at: number): void {
    let position = 0
    for (;;) {
      eventStart.lastIndex = position
      const start = eventStart.exec(this.text)?.index
      const end = start === undefined ? -1 : this.text.indexOf(eventEnd, start)
      if (start === undefined || end < 0) {
        // A start tag may be cut; an event that has begun is kept whole.
        this.text = this.text.slice(start ?? Math.max(position, this.text.length - 8))
        eventStart.lastIndex = 0
        return
      }
      position = end + eventEnd.length
      const event = this.text.slice(start, position)
      const restBytes = Buffer.byteLength(this.text) - Buffer.byteLength(this.text.slice(0, position))
      this.add(Buffer.from(this.convert(event)), at - restBytes)
    }
  }

  private convert(event: string): string {
    try {
      return JSON.stringify(eventXmlToJson(event))
    } catch (error) {
      if (!(error instanceof NoXml)) throw error
      this.unreadable++
      return event
    }
  }
}

/** A signal: the text is no XML; `reason` says where. */
class NoXml {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

interface OpenElement {
  name: string
  attributes: XmlMap | undefined
  members: XmlMap | undefined
  text: string
}

const piece =
  /<!\[CDATA\[([\s\S]*?)\]\]>|<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<\/([^\s>]+)\s*>|<([^\s/>!?]+)((?:\s+[^\s=/>]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)/gy
const attribute = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g

/** One `<Event>` element as `{ Event: … }`. External entities and document types do not exist for it. Throws NoXml. */
function eventXmlToJson(xml: string): XmlMap {
  const root: OpenElement = { name: '', attributes: undefined, members: undefined, text: '' }
  const open: OpenElement[] = [root]
  piece.lastIndex = 0
  while (piece.lastIndex < xml.length) {
    const at = piece.lastIndex
    const match = piece.exec(xml)
    if (!match) throw new NoXml(`no XML at character ${at}`)
    const [, cdata, closing, opening, attributes, isEmpty, text] = match
    const current = open[open.length - 1]!
    if (text !== undefined) current.text += unescapeXml(text)
    else if (cdata !== undefined) current.text += cdata
    else if (opening !== undefined) {
      if (open.length > depthLimit) throw new NoXml('elements are nested too deeply')
      const element = {
        name: localName(opening),
        attributes: readAttributes(attributes!),
        members: undefined,
        text: '',
      }
      if (isEmpty === '/') close(current, element)
      else open.push(element)
    } else if (closing !== undefined) {
      if (open.length < 2 || localName(closing) !== current.name) throw new NoXml(`</${closing}> ends nothing`)
      open.pop()
      close(open[open.length - 1]!, current)
    }
  }
  if (open.length !== 1 || !root.members) throw new NoXml('an element does not end')
  return root.members
}

/** Event Viewer's "save as XML" may write a prefix before every name. */
function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function readAttributes(text: string): XmlMap | undefined {
  let found: XmlMap | undefined
  for (const [, name, double, single] of text.matchAll(attribute)) {
    found ??= Object.create(null) as XmlMap
    found[name!] = unescapeXml(double ?? single!)
  }
  return found
}

function close(parent: OpenElement, { name, attributes, members, text }: OpenElement): void {
  parent.members ??= Object.create(null) as XmlMap
  const content = members ?? (text.trim() === '' ? (name === 'Data' ? '' : null) : text)
  if (name === 'Data' && typeof attributes?.Name === 'string') addMember(parent.members, attributes.Name, content)
  else if (name === 'Data' && !attributes && !members) addData(parent.members, content)
  else if (attributes) {
    const value: XmlMap = { '#attributes': attributes, ...members }
    if (!members && content !== null && content !== '') value['#text'] = content
    addMember(parent.members, name, value)
  } else addMember(parent.members, name, content)
}

function addData(members: XmlMap, value: XmlValue): void {
  const before = members.Data as XmlMap | undefined
  if (before === undefined) members.Data = { '#text': value }
  else {
    const texts = before['#text']!
    before['#text'] = Array.isArray(texts) ? [...texts, value] : [texts, value]
  }
}

function addMember(members: XmlMap, name: string, value: XmlValue): void {
  const before = members[name]
  if (before === undefined) members[name] = value
  else if (Array.isArray(before)) before.push(value)
  else members[name] = [before, value]
}

const named: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w{2,4}));/g, (whole, hex, decimal, name) => {
    if (name !== undefined) return named[name as string] ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
