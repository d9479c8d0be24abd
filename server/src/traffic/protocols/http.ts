import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'
import type { Fields } from '../../event/event.ts'
import { latin1, text } from '../../lib/binary.ts'
import { GrowingBuffer } from '../../lib/growing-buffer.ts'
import type { Side } from '../record.ts'
import type {
  Conversation,
  FileSink,
  FirstBytes,
  Recognition,
  StreamDissector,
  StreamProtocol,
} from '../stream/conversation.ts'

/** A request's or answer's head, and the line of a chunk's size, may be this long. */
const headBytesLimit = 65_536
/** Requests whose answer has not come; pipelining beyond it is no honest browser's. */
const openRequestsLimit = 128
/** Compressed bodies up to this size are unpacked before they are hashed. */
const packedBytesLimit = 4 * 1_048_576
const unpackedBytesLimit = 32 * 1_048_576
const valueLimit = 8_192

const methods = new Set([
  'GET',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'PATCH',
  'PROPFIND',
  'PROPPATCH',
  'MKCOL',
  'COPY',
  'MOVE',
  'LOCK',
  'UNLOCK',
  'SEARCH',
  'REPORT',
  'CHECKOUT',
  'MERGE',
  'MKACTIVITY',
  'M-SEARCH',
  'NOTIFY',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'BITS_POST',
  'CCM_POST',
  'RPC_CONNECT',
  'RPC_IN_DATA',
  'RPC_OUT_DATA',
  'SOURCE',
  'PURGE',
  'VERSION-CONTROL',
  'BPROPFIND',
  'BCOPY',
  'BMOVE',
  'BDELETE',
  'POLL',
  'X-MS-ENUMATTS',
  'DESCRIBE_NOT_HTTP',
  'LINK',
  'UNLINK',
  'ACL',
  'BIND',
  'REBIND',
  'UNBIND',
])
methods.delete('DESCRIBE_NOT_HTTP')

/** HTTP/1 (RFC 9112), found by its first line on any port. */
export const http: StreamProtocol = {
  name: 'http',
  recognise({ bytes, start, end }: FirstBytes): Recognition {
    const line = latin1(bytes, start, Math.min(end, start + 24))
    if (line.startsWith('HTTP/')) return 'yes'
    if ('HTTP/'.startsWith(line)) return 'more'
    const blank = line.indexOf(' ')
    if (blank < 0) return /^[A-Z][A-Z_-]{0,16}$/.test(line) ? 'more' : 'no'
    return methods.has(line.slice(0, blank)) ? 'yes' : 'no'
  },
  create: (conversation) => new HttpDissector(conversation),
}

type Headers = Map<string, string>

interface Message {
  startUs: number
  version: string
  headers: Headers
  bodyBytes: number
  body: BodyHashes | undefined
}

interface Request extends Message {
  method: string
  target: string
}

interface Response extends Message {
  status: number
  reason: string
}

/** Where the reader of one side stands. */
type Expecting = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-close' | 'nothing'

interface SideState {
  expecting: Expecting
  remaining: number
  buffer: GrowingBuffer
  message: Message | undefined
}

class HttpDissector implements StreamDissector {
  private readonly conversation: Conversation
  private readonly states: [SideState, SideState] = [newSide(), newSide()]
  /** Requests in the order in which they were asked; the answers come in the same. */
  private readonly open: Request[] = []

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    const state = this.states[side]
    let at = start
    while (at < end) {
      switch (state.expecting) {
        case 'length':
        case 'chunk': {
          const count = Math.min(state.remaining, end - at)
          this.body(state, bytes, at, at + count)
          at += count
          state.remaining -= count
          if (state.remaining > 0) break
          if (state.expecting === 'chunk') state.expecting = 'chunk-end'
          else this.complete(side, timeUs)
          break
        }
        case 'until-close':
          this.body(state, bytes, at, end)
          at = end
          break
        case 'nothing':
          return false
        default: {
          const taken = this.line(side, state, bytes, at, end, timeUs)
          if (taken < 0) return false
          at = taken
        }
      }
    }
    return true
  }

  /** Takes up to the end of a head or line; answers where to go on, or -1 when this is no HTTP any more. */
  private line(side: Side, state: SideState, bytes: Uint8Array, start: number, end: number, timeUs: number): number {
    const isHead = state.expecting === 'head'
    const { buffer } = state
    let source = bytes
    let from = start
    let stop = end
    if (buffer.length > 0) {
      if (end - start > buffer.room) {
        this.conversation.weird('http_header_too_long')
        return -1
      }
      buffer.append(bytes, start, end)
      source = Buffer.from(buffer.take())
      from = 0
      stop = source.length
    }
    // Empty lines before a request are let pass (RFC 9112 section 2.2).
    if (isHead) while (from < stop && (source[from] === 13 || source[from] === 10)) from++
    const mark = isHead || state.expecting === 'trailer' ? endOfHead(source, from, stop) : endOfLine(source, from, stop)
    if (mark < 0) {
      if (stop - from > headBytesLimit) {
        this.conversation.weird('http_header_too_long')
        return -1
      }
      if (stop > from) buffer.append(source, from, stop)
      return end
    }
    const rest = stop - mark
    if (isHead) {
      if (!this.head(side, state, text(source, from, mark), timeUs)) return -1
    } else if (state.expecting === 'chunk-size') {
      const size = Number.parseInt(latin1(source, from, mark), 16)
      if (!Number.isSafeInteger(size) || size < 0) {
        this.conversation.weird('http_invalid_chunk_size')
        return -1
      }
      state.remaining = size
      state.expecting = size === 0 ? 'trailer' : 'chunk'
    } else if (state.expecting === 'chunk-end') state.expecting = 'chunk-size'
    else this.complete(side, timeUs)
    // What was given stands at the end of `source`, whether it was joined with earlier bytes or not.
    return end - rest
  }

  private head(side: Side, state: SideState, head: string, timeUs: number): boolean {
    const lines = head.split(/\r?\n/)
    const first = lines[0]!
    const headers = parseHeaders(lines)
    const base = { startUs: timeUs, headers, bodyBytes: 0, body: undefined }
    if (side === 1 || first.startsWith('HTTP/')) {
      const match = /^HTTP\/(\d\.\d) +(\d{3})(?: (.*))?/.exec(first)
      if (!match) {
        this.conversation.weird('http_unknown_response_line', first.slice(0, 80))
        return false
      }
      const response: Response = { ...base, version: match[1]!, status: Number(match[2]), reason: match[3] ?? '' }
      return this.responseBegins(side, state, response, timeUs)
    }
    const match = /^([A-Z][A-Z_-]*) +(.*?)(?: +HTTP\/(\d\.\d))?\s*$/.exec(first)
    if (!match) {
      this.conversation.weird('http_unknown_request_line', first.slice(0, 80))
      return false
    }
    const request: Request = { ...base, method: match[1]!, target: match[2]!, version: match[3] ?? '0.9' }
    if (this.open.length >= openRequestsLimit) this.tell(this.open.shift()!, undefined)
    this.open.push(request)
    state.message = request
    this.bodyBegins(side, state, request, timeUs, false)
    return true
  }

  private responseBegins(side: Side, state: SideState, response: Response, timeUs: number): boolean {
    state.message = response
    const request = this.open[0]
    // Interim answers are followed by the true one (RFC 9110 section 15.2), save the one that changes the protocol.
    if (response.status >= 100 && response.status < 200 && response.status !== 101) {
      state.expecting = 'head'
      return true
    }
    const hasNoBody = request?.method === 'HEAD' || response.status === 204 || response.status === 304
    const isOver = response.status === 101 || (request?.method === 'CONNECT' && response.status < 300)
    if (isOver) {
      this.complete(side, timeUs)
      if (response.status === 101)
        this.conversation.setProtocol((response.headers.get('upgrade') ?? 'http').toLowerCase().slice(0, 32))
      else this.conversation.restart()
      for (const each of this.states) each.expecting = 'nothing'
      return response.status !== 101
    }
    this.bodyBegins(side, state, response, timeUs, hasNoBody)
    return true
  }

  private bodyBegins(side: Side, state: SideState, message: Message, timeUs: number, hasNoBody: boolean): void {
    const { headers } = message
    const length = headers.get('content-length')
    if (hasNoBody) this.complete(side, timeUs)
    else if (/\bchunked\b/i.test(headers.get('transfer-encoding') ?? '')) {
      if (length !== undefined) this.conversation.weird('http_length_and_chunked')
      state.expecting = 'chunk-size'
    } else if (length !== undefined && /^\d{1,15}$/.test(length.trim())) {
      state.remaining = Number(length)
      state.expecting = 'length'
      if (state.remaining === 0) this.complete(side, timeUs)
    } else if (side === 1) state.expecting = 'until-close'
    else this.complete(side, timeUs)
  }

  private body(state: SideState, bytes: Uint8Array, start: number, end: number): void {
    const { message } = state
    if (!message || end <= start) return
    message.bodyBytes += end - start
    message.body ??= this.openBody(message)
    message.body.data(bytes, start, end)
  }

  private openBody(message: Message): BodyHashes {
    const isRequest = 'method' in message
    const request = isRequest ? (message as Request) : this.open[0]
    const name = fileName(message.headers, request)
    const claimedType = message.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
    const fields: Fields = {}
    if (request) Object.assign(fields, urlFields(request, this.conversation))
    const sink = this.conversation.openFile({
      protocol: 'http',
      side: isRequest ? 0 : 1,
      timeUs: message.startUs,
      fields,
      ...(name === undefined ? {} : { name }),
      ...(claimedType === undefined ? {} : { claimedType }),
    })
    return new BodyHashes(sink, (message.headers.get('content-encoding') ?? '').trim().toLowerCase())
  }

  private complete(side: Side, timeUs: number): void {
    const state = this.states[side]
    const { message } = state
    state.expecting = 'head'
    state.message = undefined
    state.remaining = 0
    if (!message) return
    if (side === 1 || !('method' in message)) {
      message.body?.end(timeUs)
      this.tell(this.open.shift(), message as Response)
    } else message.body?.end(timeUs)
  }

  private tell(request: Request | undefined, response: Response | undefined): void {
    const fields: Fields = {}
    if (request) Object.assign(fields, requestFields(request, this.conversation))
    if (response) Object.assign(fields, responseFields(response))
    this.conversation.emit('http', (request ?? response)!.startUs, fields)
  }

  gap(side: Side, length: number, timeUs: number): boolean {
    const state = this.states[side]
    const canSkip = state.expecting === 'length' || state.expecting === 'chunk'
    if (state.expecting === 'until-close' || (canSkip && length <= state.remaining)) {
      if (state.message) {
        state.message.body ??= this.openBody(state.message)
        state.message.body.gap(length)
        state.message.bodyBytes += length
      }
      if (state.expecting === 'until-close') return true
      state.remaining -= length
      if (state.remaining > 0) return true
      if (state.expecting === 'chunk') state.expecting = 'chunk-end'
      else this.complete(side, timeUs)
      return true
    }
    this.conversation.weird('http_gap_in_head')
    return false
  }

  end(timeUs: number): void {
    const answer = this.states[1]
    const asked = this.states[0]
    asked.message?.body?.end(timeUs)
    if (answer.message && !isInterim(answer.message as Response)) {
      answer.message.body?.end(timeUs)
      this.tell(this.open.shift(), answer.message as Response)
    }
    for (const request of this.open.splice(0)) this.tell(request, undefined)
  }
}

function isInterim(response: Response): boolean {
  return response.status >= 100 && response.status < 200
}

function newSide(): SideState {
  return { expecting: 'head', remaining: 0, buffer: new GrowingBuffer(headBytesLimit + 65_536), message: undefined }
}

/** A body on its way to a file: unpacked first where the head says that it is packed and it is not too large. */
class BodyHashes {
  private packed: Buffer[] | undefined
  private packedBytes = 0
  private readonly sink: FileSink
  private readonly encoding: string

  constructor(sink: FileSink, encoding: string) {
    this.sink = sink
    this.encoding = encoding
    if (['gzip', 'x-gzip', 'deflate', 'br'].includes(encoding)) this.packed = []
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    if (!this.packed) {
      this.sink.data(bytes, start, end)
      return
    }
    this.packed.push(Buffer.from(bytes.subarray(start, end)))
    this.packedBytes += end - start
    if (this.packedBytes > packedBytesLimit) this.giveUpUnpacking()
  }

  gap(length: number): void {
    if (this.packed) this.giveUpUnpacking()
    this.sink.gap(length)
  }

  end(timeUs: number): void {
    if (this.packed) {
      const whole = Buffer.concat(this.packed)
      const unpacked = unpack(this.encoding, whole)
      this.sink.data(unpacked ?? whole, 0, (unpacked ?? whole).length)
    }
    this.sink.end(timeUs)
  }

  /** The body as it travelled is then what is hashed. */
  private giveUpUnpacking(): void {
    for (const piece of this.packed ?? []) this.sink.data(piece, 0, piece.length)
    this.packed = undefined
  }
}

/** Undefined when the bytes are not packed as the head says, or unpack to more than we take. */
function unpack(encoding: string, bytes: Buffer): Buffer | undefined {
  const options = { maxOutputLength: unpackedBytesLimit }
  const ways =
    encoding === 'br' ? [brotliDecompressSync] : encoding === 'deflate' ? [inflateSync, inflateRawSync] : [gunzipSync]
  for (const way of ways) {
    try {
      return way(bytes, options)
    } catch {
      // Not packed this way, cut off, or a bomb: the next way, or the bytes as they travelled.
    }
  }
  return undefined
}

function endOfHead(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  for (;;) {
    const line = endOfLine(bytes, at, end)
    if (line < 0) return -1
    const length = line - at
    if (length === 1 || (length === 2 && bytes[at] === 13)) return line
    at = line
  }
}

/** Offset after the next line feed, or -1. */
function endOfLine(bytes: Uint8Array, start: number, end: number): number {
  const at = bytes.indexOf(10, start)
  return at < 0 || at >= end ? -1 : at + 1
}

/** Names in lower case; a name that comes twice has its values joined by a comma (RFC 9110 section 5.3). */
function parseHeaders(lines: string[]): Headers {
  const headers: Headers = new Map()
  let last = ''
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index]!
    if (line === '') continue
    if ((line.startsWith(' ') || line.startsWith('\t')) && last !== '') {
      headers.set(last, `${headers.get(last)} ${line.trim()}`)
      continue
    }
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const name = line.slice(0, colon).trim().toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
    last = name
  }
  return headers
}

function urlFields(request: Request, conversation: Conversation): Fields {
  const host = request.headers.get('host')
  const fields: Fields = { 'url.original': request.target.slice(0, valueLimit) }
  let target = request.target
  let authority = host
  const absolute = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/i.exec(target)
  const scheme = absolute?.[1]?.toLowerCase() ?? 'http'
  if (absolute) {
    authority = absolute[2]
    target = absolute[3]!
  }
  if (request.method === 'CONNECT') {
    authority = request.target
    target = ''
  }
  const [, name, port] = /^(.*?)(?::(\d{1,5}))?$/.exec(authority ?? '') ?? []
  if (name) fields['url.domain'] = name.replace(/^\[|\]$/g, '').toLowerCase()
  if (port !== undefined) fields['url.port'] = Number(port)
  const question = target.indexOf('?')
  const path = question < 0 ? target : target.slice(0, question)
  if (path !== '') fields['url.path'] = path.slice(0, valueLimit)
  if (question >= 0) fields['url.query'] = target.slice(question + 1, question + 1 + valueLimit)
  const where = authority ?? `:${conversation.ports[1]}`
  if (request.method === 'CONNECT') fields['url.full'] = where
  else if (authority !== undefined) fields['url.full'] = `${scheme}://${where}${target}`.slice(0, valueLimit)
  else fields['url.full'] = target.slice(0, valueLimit)
  return fields
}

function requestFields(request: Request, conversation: Conversation): Fields {
  const { headers } = request
  const fields = urlFields(request, conversation)
  fields['http.request.method'] = request.method
  fields['http.version'] = request.version
  fields['http.request.body.bytes'] = request.bodyBytes
  copyHeader(fields, 'user_agent.original', headers, 'user-agent')
  copyHeader(fields, 'http.request.referrer', headers, 'referer')
  copyHeader(fields, 'http.request.mime_type', headers, 'content-type')
  copyHeader(fields, 'traffic.http.x_forwarded_for', headers, 'x-forwarded-for')
  copyHeader(fields, 'traffic.http.accept_language', headers, 'accept-language')
  copyHeader(fields, 'traffic.http.origin', headers, 'origin')
  if (headers.has('cookie')) fields['traffic.http.has_cookie'] = true
  fields['traffic.http.header_names'] = [...headers.keys()].slice(0, 64)
  const authorization = headers.get('authorization')
  if (authorization !== undefined) {
    const [scheme = '', credentials = ''] = authorization.split(/\s+/, 2)
    fields['traffic.http.authorization_scheme'] = scheme.slice(0, 64)
    if (/^basic$/i.test(scheme)) {
      // The name alone: a password in a record would be a second leak.
      const name = Buffer.from(credentials, 'base64').toString('utf8').split(':')[0]
      if (name) fields['user.name'] = name.slice(0, 256)
    }
  }
  const type = request.body === undefined ? undefined : headers.get('content-type')
  if (type?.startsWith('multipart/form-data')) fields['traffic.http.is_upload'] = true
  return fields
}

function responseFields(response: Response): Fields {
  const { headers } = response
  const fields: Fields = {
    'http.response.status_code': response.status,
    'http.response.body.bytes': response.bodyBytes,
  }
  if (response.reason !== '') fields['traffic.http.status_reason'] = response.reason.slice(0, 128)
  copyHeader(fields, 'http.response.mime_type', headers, 'content-type')
  copyHeader(fields, 'traffic.http.server', headers, 'server')
  copyHeader(fields, 'traffic.http.location', headers, 'location')
  copyHeader(fields, 'traffic.http.content_disposition', headers, 'content-disposition')
  return fields
}

function copyHeader(fields: Fields, field: string, headers: Headers, name: string): void {
  const value = headers.get(name)
  if (value === undefined) return
  fields[field] = field.endsWith('mime_type') ? value.split(';')[0]!.trim().toLowerCase() : value.slice(0, valueLimit)
}

/** The name the sender gives the body, or the last part of the address. */
function fileName(headers: Headers, request: Request | undefined): string | undefined {
  const match = /filename\*?=(?:UTF-8'')?"?([^";]+)/i.exec(headers.get('content-disposition') ?? '')
  if (match) return match[1]!.slice(0, 512)
  const path = request?.target.split(/[?#]/)[0] ?? ''
  const name = path.slice(path.lastIndexOf('/') + 1)
  return name === '' ? undefined : name.slice(0, 512)
}
