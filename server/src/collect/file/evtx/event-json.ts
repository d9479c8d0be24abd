import { type BinXmlReader, type Content, type Element, type Instance, isBinXml, type ValuePlace } from './binxml.ts'
import { Damaged } from './damaged.ts'
import { type EventValue, readValue } from './values.ts'

export type EventJson = { [name: string]: EventJson | EventValue }

/** Elements and values of one event: a template may use one value many times, so that a few bytes could mean gigabytes. */
const nodesLimit = 50_000
const textLimit = 16 * 2 ** 20

/**
 * Turns the content of a record into the JSON of evtx_dump: attributes under `#attributes`, text beside them under
 * `#text`, `<Data Name="x">` as the member `x`, an empty element as null. Throws Damaged.
 */
export class EventJsonBuilder {
  private readonly chunk: Buffer
  private readonly reader: BinXmlReader
  private nodes = 0
  private textLength = 0

  constructor(chunk: Buffer, reader: BinXmlReader) {
    this.chunk = chunk
    this.reader = reader
  }

  event(content: Content[]): EventJson {
    this.nodes = 0
    this.textLength = 0
    const gathered = emptyGathering()
    this.gather(content, noValues, gathered)
    if (!gathered.members || gathered.members.Event === undefined) throw new Damaged('it holds no event')
    return gathered.members
  }

  private count(): void {
    if (++this.nodes > nodesLimit) throw new Damaged('the event has too many parts')
  }

  private gather(content: Content[], values: ValuePlace[], into: Gathering): void {
    for (const part of content) {
      if (typeof part === 'string') addText(into, part)
      else if ('children' in part) this.addElement(part, values, into)
      else if ('roots' in part) this.gatherInstance(part, into)
      else {
        this.count()
        const place = values[part.index]
        if (!place) continue
        if (isBinXml(place)) {
          if (place.size > 0) this.gather(this.reader.fragment(place.start, place.start + place.size), noValues, into)
        } else addText(into, this.value(place))
      }
    }
  }

  private gatherInstance({ roots, values }: Instance, into: Gathering): void {
    this.gather(roots, values, into)
  }

  private value(place: ValuePlace): EventValue {
    const value = readValue(this.chunk, place.type, place.start, place.size)
    this.textLength += place.size
    if (this.textLength > textLimit) throw new Damaged('the event is too long')
    return value
  }

  private addElement(element: Element, values: ValuePlace[], into: Gathering): void {
    this.count()
    const attributes: EventJson = {}
    let hasAttributes = false
    for (const { name, content } of element.attributes) {
      const gathered = emptyGathering()
      this.gather(content, values, gathered)
      if (gathered.text === undefined || gathered.text === null) continue
      set(attributes, name, gathered.text)
      hasAttributes = true
    }
    const inside = emptyGathering()
    this.gather(element.children, values, inside)
    into.members ??= {}
    if (element.name === 'Data' && typeof attributes.Name === 'string') {
      addMember(into.members, attributes.Name, inside.members ?? (inside.text === undefined ? '' : inside.text))
      return
    }
    let value: EventJson | EventValue = inside.members ?? inside.text ?? null
    if (element.name === 'Data' && !hasAttributes && inside.text !== null && !inside.members) {
      addData(into.members, inside.text ?? '')
      return
    }
    if (hasAttributes) {
      value = { '#attributes': attributes, ...inside.members }
      if (inside.text !== undefined && inside.text !== null && inside.text !== '') value['#text'] = inside.text
    }
    addMember(into.members, element.name, value)
  }
}

const noValues: ValuePlace[] = []

/** Content of an element so far: members for its elements, and its text. */
interface Gathering {
  members: EventJson | undefined
  text: EventValue | undefined
}

function emptyGathering(): Gathering {
  return { members: undefined, text: undefined }
}

/** One value keeps its type; several are joined as text. */
function addText(into: Gathering, value: EventValue): void {
  if (into.text === undefined || into.text === null) into.text = value
  else if (value !== null) into.text = `${textOf(into.text)}${textOf(value)}`
}

function textOf(value: EventValue): string {
  return Array.isArray(value) ? value.map(textOf).join('') : String(value)
}

/** Elements of one name become a list. */
function addMember(members: EventJson, name: string, value: EventJson | EventValue): void {
  const before = Object.hasOwn(members, name) ? members[name] : undefined
  if (before === undefined) set(members, name, value)
  else if (Array.isArray(before)) before.push(value as EventValue)
  else set(members, name, [before as EventValue, value as EventValue])
}

/** Data without a name: one member for all of them. */
function addData(members: EventJson, given: EventValue): void {
  const before = Object.hasOwn(members, 'Data') ? members.Data : undefined
  const value = Array.isArray(given) && given.length === 1 ? given[0]! : given
  if (typeof before !== 'object' || before === null || Array.isArray(before)) {
    set(members, 'Data', { '#text': value })
    return
  }
  const texts = before['#text'] as EventValue
  before['#text'] = Array.isArray(texts) ? [...texts, value] : [texts, value]
}

/** A name of a hostile file must not reach a prototype. */
function set(members: EventJson, name: string, value: EventJson | EventValue): void {
  if (name === '__proto__')
    Object.defineProperty(members, name, { value, enumerable: true, writable: true, configurable: true })
  else members[name] = value
}
