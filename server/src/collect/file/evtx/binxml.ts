import { Damaged } from './damaged.ts'
import { binXmlType, utf16 } from './values.ts'

/** A place in a template that a value of the record fills. */
export interface Substitution {
  index: number
  /** With no value its attribute is left out. */
  isOptional: boolean
}

export type Content = string | Substitution | Element | Instance

export interface Element {
  name: string
  attributes: { name: string; content: Content[] }[]
  children: Content[]
}

/** Where a value stands in the chunk. */
export interface ValuePlace {
  type: number
  start: number
  size: number
}

/** A template and the values of one record for it. */
export interface Instance {
  roots: Content[]
  values: ValuePlace[]
}

/** The deepest nesting of elements or of templates in values that is followed; Windows writes fewer than ten. */
const depthLimit = 48
/** Real templates have fewer than two hundred. */
const valuesLimit = 4_096
const nameBytesLimit = 2_048

const token = {
  end: 0x00,
  open: 0x01,
  closeStart: 0x02,
  closeEmpty: 0x03,
  closeElement: 0x04,
  value: 0x05,
  attribute: 0x06,
  cdata: 0x07,
  characterReference: 0x08,
  entityReference: 0x09,
  instructionTarget: 0x0a,
  instructionData: 0x0b,
  template: 0x0c,
  substitution: 0x0d,
  optionalSubstitution: 0x0e,
  fragment: 0x0f,
} as const

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/**
 * Reads binary XML (MS-EVEN6 2.2.12) out of one chunk. Names and templates are written once a chunk and referred to by
 * their offset, so they are remembered as long as this reader lives. Throws Damaged.
 */
export class BinXmlReader {
  private readonly chunk: Buffer
  private readonly templates = new Map<number, Content[]>()
  private readonly names = new Map<number, string>()
  private at = 0
  private end = 0
  private depth = 0
  private inTemplate = false

  constructor(chunk: Buffer) {
    this.chunk = chunk
  }

  /** The content between two offsets of the chunk. */
  fragment(start: number, end: number, inTemplate = false): Content[] {
    const { at, end: outerEnd, inTemplate: outerInTemplate } = this
    this.inTemplate = inTemplate
    this.at = start
    this.end = Math.min(end, this.chunk.length)
    this.descend()
    try {
      return this.content(false)
    } finally {
      this.depth--
      this.inTemplate = outerInTemplate
      this.at = at
      this.end = outerEnd
    }
  }

  private descend(): void {
    if (++this.depth > depthLimit) throw new Damaged('elements are nested too deeply')
  }

  /** Reads until the end of the fragment, or (`inside`) the end tag of the element. */
  private content(inside: boolean): Content[] {
    const found: Content[] = []
    while (this.at < this.end) {
      const byte = this.u8()
      switch (byte & ~0x40) {
        case token.end:
          if (inside) throw new Damaged('the fragment ends inside an element')
          return found
        case token.fragment:
          this.skip(3)
          break
        case token.open:
          found.push(this.element((byte & 0x40) !== 0))
          break
        case token.closeElement:
          if (!inside) throw new Damaged('an end tag without its element')
          return found
        case token.template:
          found.push(this.instance())
          break
        case token.instructionTarget:
          this.name()
          break
        case token.instructionData:
          this.skip(2 * this.u16())
          break
        default:
          found.push(this.text(byte))
      }
    }
    if (inside) throw new Damaged('the fragment ends inside an element')
    return found
  }

  /** What may stand in an attribute as well as in an element. */
  private text(byte: number): Content {
    switch (byte & ~0x40) {
      case token.value: {
        const type = this.u8()
        if (type !== 0x01) throw new Damaged(`a literal of type ${type}`)
        return this.counted()
      }
      case token.cdata:
        return this.counted()
      case token.characterReference:
        return String.fromCharCode(this.u16())
      case token.entityReference: {
        const name = this.name()
        return entities[name] ?? `&${name};`
      }
      case token.substitution:
      case token.optionalSubstitution: {
        const index = this.u16()
        this.skip(1)
        return { index, isOptional: byte === token.optionalSubstitution }
      }
      default:
        throw new Damaged(`an unknown token 0x${byte.toString(16)}`)
    }
  }

  private element(hasAttributes: boolean): Element {
    this.descend()
    // The size of the element, and in templates a dependency identifier before it, tell nothing the tokens do not.
    this.skip(this.inTemplate ? 6 : 4)
    const element: Element = { name: this.name(), attributes: [], children: [] }
    if (hasAttributes) this.skip(4)
    for (;;) {
      const byte = this.u8()
      if (byte === token.closeStart) {
        element.children = this.content(true)
        break
      }
      if (byte === token.closeEmpty) break
      if ((byte & ~0x40) !== token.attribute) throw new Damaged(`token 0x${byte.toString(16)} inside a start tag`)
      element.attributes.push({ name: this.name(), content: this.attributeContent() })
    }
    this.depth--
    return element
  }

  private attributeContent(): Content[] {
    const found: Content[] = []
    for (;;) {
      const byte = this.chunk[this.at]! & ~0x40
      const isText = byte >= token.value && byte !== token.attribute && byte <= token.entityReference
      if (!isText && byte !== token.substitution && byte !== token.optionalSubstitution) return found
      found.push(this.text(this.u8()))
    }
  }

  private instance(): Instance {
    this.skip(5)
    const offset = this.u32()
    const isHere = offset === this.at
    const roots = this.template(offset)
    if (isHere) {
      this.skip(20)
      this.skip(this.u32())
    }
    const count = this.u32()
    if (count > valuesLimit) throw new Damaged(`${count} values`)
    const values: ValuePlace[] = []
    let start = this.at + 4 * count
    for (let index = 0; index < count; index++) {
      const size = this.u16()
      const type = this.u8()
      this.skip(1)
      values.push({ type, start, size })
      start += size
    }
    if (start > this.end) throw new Damaged('values go beyond their record')
    this.at = start
    return { roots, values }
  }

  private template(offset: number): Content[] {
    const known = this.templates.get(offset)
    if (known) return known
    if (offset + 24 > this.chunk.length) throw new Damaged('a template outside its chunk')
    const bytes = this.chunk.readUInt32LE(offset + 20)
    const start = offset + 24
    if (start + bytes > this.chunk.length) throw new Damaged('a template goes beyond its chunk')
    const roots = this.fragment(start, start + bytes, true)
    this.templates.set(offset, roots)
    return roots
  }

  /** A name by its offset: the offset of the very next byte means that it is written here. */
  private name(): string {
    const offset = this.u32()
    const isHere = offset === this.at
    let name = this.names.get(offset)
    if (name === undefined) {
      if (offset + 8 > this.chunk.length) throw new Damaged('a name outside its chunk')
      const bytes = 2 * this.chunk.readUInt16LE(offset + 6)
      if (bytes > nameBytesLimit || offset + 8 + bytes > this.chunk.length) throw new Damaged('a name is too long')
      name = utf16(this.chunk, offset + 8, offset + 8 + bytes)
      this.names.set(offset, name)
    }
    if (isHere) this.skip(10 + 2 * this.chunk.readUInt16LE(offset + 6))
    return name
  }

  private counted(): string {
    const bytes = 2 * this.u16()
    const start = this.at
    this.skip(bytes)
    return utf16(this.chunk, start, start + bytes)
  }

  private skip(bytes: number): void {
    this.at += bytes
    if (this.at > this.end) throw new Damaged('it ends too early')
  }

  private u8(): number {
    this.skip(1)
    return this.chunk[this.at - 1]!
  }

  private u16(): number {
    this.skip(2)
    return this.chunk.readUInt16LE(this.at - 2)
  }

  private u32(): number {
    this.skip(4)
    return this.chunk.readUInt32LE(this.at - 4)
  }
}

export function isBinXml(place: ValuePlace): boolean {
  return place.type === binXmlType
}
