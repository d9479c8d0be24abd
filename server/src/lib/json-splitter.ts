import { GrowingBuffer } from './growing-buffer.ts'

const quote = 34
const backslash = 92
const comma = 44
const lineFeed = 10
const openBracket = 91
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

/** What the splitter found: the bytes of one value, or a line of text that stands between values. */
export type JsonPiece = 'value' | 'text'

type Mode = 'between' | 'value' | 'string' | 'scalar' | 'text'

/**
 * Cuts a stream of JSON texts into its top-level values without parsing them: the elements of an outer array, or
 * objects one after the other, on one line or pretty-printed over many. The bytes of each stay as they were. Text
 * between values is handed on as lines. Memory is bounded by `limitBytes` for one value.
 *
 * Only brackets and strings are followed, so a value may still be malformed inside; whoever parses it finds out.
 */
export class JsonSplitter {
  /** True while inside the outer array: then the stream cannot be taken up again from here. */
  inArray = false
  private mode: Mode = 'between'
  private depth = 0
  private inString = false
  private escaped = false
  private readonly held: GrowingBuffer
  private readonly emit: (bytes: Buffer, piece: JsonPiece, end: number) => void

  /** `emit` is given views that are valid only during the call, and the position in the chunk where the piece ends. */
  constructor(limitBytes: number, emit: (bytes: Buffer, piece: JsonPiece, end: number) => void) {
    this.held = new GrowingBuffer(limitBytes)
    this.emit = emit
  }

  /** Throws RangeError when one value exceeds the bound. */
  push(chunk: Buffer): void {
    let start = 0
    for (let position = 0; position < chunk.length; position++) {
      const byte = chunk[position]!
      switch (this.mode) {
        case 'between':
          this.begin(byte)
          start = position
          break
        case 'value':
          if (this.followValue(byte)) this.finish(chunk, start, position + 1)
          break
        case 'string':
          if (this.followString(byte)) this.finish(chunk, start, position + 1)
          break
        case 'scalar':
          if (byte <= 32 || byte === comma || byte === closeBracket) {
            this.finish(chunk, start, position)
            this.begin(byte)
          }
          break
        case 'text':
          if (byte === lineFeed) this.finish(chunk, start, position)
          break
      }
    }
    if (this.mode !== 'between') this.held.append(chunk, start, chunk.length)
  }

  /** The stream has ended. False when it ended inside a value or an array; what is left is handed on as text. */
  end(): boolean {
    const complete = !this.inArray && (this.mode === 'between' || this.mode === 'text')
    if (this.held.length > 0) this.emit(trimEnd(this.held.take()), 'text', 0)
    return complete
  }

  private begin(byte: number): void {
    if (byte <= 32) return
    if (byte === openBrace || (byte === openBracket && this.inArray)) {
      this.mode = 'value'
      this.depth = 1
    } else if (byte === openBracket) {
      this.inArray = true
    } else if (!this.inArray) {
      this.mode = 'text'
    } else if (byte === closeBracket) {
      this.inArray = false
    } else if (byte === quote) {
      this.mode = 'string'
    } else if (byte !== comma) {
      this.mode = 'scalar'
    }
  }

  /** True at the last byte of an object or array. */
  private followValue(byte: number): boolean {
    if (this.inString) {
      if (this.followString(byte)) this.inString = false
    } else if (byte === quote) {
      this.inString = true
    } else if (byte === openBrace || byte === openBracket) {
      this.depth++
    } else if (byte === closeBrace || byte === closeBracket) {
      this.depth--
      return this.depth === 0
    }
    return false
  }

  /** True at the closing quote. */
  private followString(byte: number): boolean {
    if (this.escaped) this.escaped = false
    else if (byte === backslash) this.escaped = true
    else return byte === quote
    return false
  }

  private finish(chunk: Buffer, start: number, end: number): void {
    const piece: JsonPiece = this.mode === 'text' ? 'text' : 'value'
    this.mode = 'between'
    let bytes = chunk.subarray(start, end)
    if (this.held.length > 0) {
      this.held.append(chunk, start, end)
      bytes = this.held.take()
    }
    this.emit(piece === 'text' ? trimEnd(bytes) : bytes, piece, end)
  }
}

function trimEnd(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && bytes[end - 1]! <= 32) end--
  return bytes.subarray(0, end)
}
