/**
 * Requests that no friend would send, made from the OpenAPI document: every operation, with values that fit its schema
 * and values that do not, at every level. A seed gives the same requests again.
 */
import type { SeededRandom } from '../../server/src/lib/seeded-random.ts'

export interface Operation {
  method: string
  path: string
  id: string
  parameters: Parameter[]
  /** Of a JSON body. */
  body?: Schema
  contentTypes: string[]
}

interface Parameter {
  in: string
  name: string
  schema?: Schema
}

interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  format?: string
  minimum?: number
  additionalProperties?: Schema | boolean
}

export interface OpenApi {
  paths: Record<
    string,
    Record<
      string,
      {
        operationId: string
        parameters?: Parameter[]
        requestBody?: { content: Record<string, { schema?: Schema }> }
      }
    >
  >
  components: { schemas: Record<string, Schema> }
}

export interface FuzzRequest {
  method: string
  path: string
  headers: Record<string, string>
  body?: string | Uint8Array
}

export function operationsOf({ paths }: OpenApi): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, parameters = [], requestBody }]) => {
      const content = requestBody?.content ?? {}
      return {
        method: method.toUpperCase(),
        path,
        id: operationId,
        parameters,
        body: content['application/json']?.schema,
        contentTypes: Object.keys(content),
      }
    }),
  )
}

/** Texts that break what takes them for harmless. */
const nastyTexts = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'x\udfffy',
  '\u202etxt.exe',
  '%00',
  "'; DROP TABLE incidents; --",
  '${jndi:ldap://127.0.0.1/a}',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'NaN',
  'Infinity',
  '-0',
  '1e400',
  '9223372036854775808',
  '0x1f',
  'ﬀ',
  '\ufeff',
  '\r\nset-cookie: a=b',
  '🔥'.repeat(300),
  'a'.repeat(70_000),
  '('.repeat(5_000),
  '*'.repeat(4_000),
  'now-999999w',
  '2026-13-45T99:99:99Z',
  '-271821-04-20T00:00:00.000Z',
  '+275760-09-13T00:00:00.001Z',
  '中文'.repeat(40),
]
const nastyNumbers = [
  ...[0, -1, 1, 0.5, -0.5, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, -(2 ** 63), 1e21, 1e308, Number.MIN_VALUE],
]

export class Fuzzer {
  readonly #document: OpenApi
  readonly #random: SeededRandom
  /** Noun of a path -> ids that are there. */
  readonly #ids: Record<string, (string | number)[]>

  constructor(document: OpenApi, random: SeededRandom, ids: Record<string, (string | number)[]>) {
    this.#document = document
    this.#random = random
    this.#ids = ids
  }

  /** A request that fits, as far as the schema tells. */
  fitting(operation: Operation): FuzzRequest {
    return this.#request(operation, () => false)
  }

  /** A request with something wrong about it, somewhere. */
  hostile(operation: Operation): FuzzRequest {
    const request = this.#request(operation, () => this.#random.next() < 0.25)
    const chance = this.#random.next()
    if (request.method === 'GET' || chance < 0.45) return request
    if (chance < 0.6) return { ...request, ...this.#rawBody() }
    if (chance < 0.7) return { ...request, headers: { 'content-type': this.#random.pick(contentTypes) } }
    if (chance < 0.8) return { ...request, body: JSON.stringify(this.#nasty()) }
    if (chance < 0.85) return { ...request, headers: { ...request.headers, 'if-match': this.#random.pick(matchTags) } }
    return { ...request, body: deep(this.#random.pick([10, 1_000, 100_000])) }
  }

  #request(operation: Operation, isWrong: () => boolean): FuzzRequest {
    const path = operation.path.replace(/\{(\w+)\}/g, () => encodeURIComponent(this.#pathValue(operation, isWrong)))
    const query = operation.parameters
      .filter((parameter) => parameter.in === 'query' && (isWrong() || this.#random.next() < 0.3))
      .flatMap(({ name, schema }) => {
        const value = isWrong() ? this.#nasty() : this.#sample(schema ?? {}, isWrong, 0)
        const text = typeof value === 'string' ? value : JSON.stringify(value)
        const pair = `${encodeURIComponent(name)}=${encode(String(text).slice(0, 6_000))}`
        return isWrong() ? [pair, pair, `${encodeURIComponent(name)}[]=1`] : [pair]
      })
    if (isWrong()) query.push(this.#random.pick(['__proto__=1', 'limit=%00', 'after=%ff%fe', '&&==', 'a[b][c]=d', '%']))
    const body = operation.body === undefined ? undefined : this.#sample(operation.body, isWrong, 0)
    return {
      method: operation.method,
      path: path + (query.length > 0 ? `?${query.join('&')}` : ''),
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) ?? 'null' }),
    }
  }

  #pathValue({ path }: Operation, isWrong: () => boolean): string {
    const noun = /\/([\w-]+)\/\{/.exec(path)?.[1] ?? ''
    const known = this.#ids[noun] ?? []
    if (isWrong() || known.length === 0) return wellFormed(String(this.#nasty()).slice(0, 400)) || '0'
    return String(this.#random.pick(known))
  }

  #sample(schema: Schema, isWrong: () => boolean, depth: number): unknown {
    if (isWrong()) return this.#nasty()
    if (schema.$ref) {
      const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)
      return this.#sample(this.#document.components.schemas[name] ?? {}, isWrong, depth)
    }
    const choices = schema.anyOf ?? schema.oneOf
    if (choices) return this.#sample(this.#random.pick(choices), isWrong, depth)
    if (schema.allOf) return Object.assign({}, ...schema.allOf.map((one) => this.#sample(one, isWrong, depth)))
    if (schema.const !== undefined) return schema.const
    if (schema.enum) return this.#random.pick(schema.enum)
    const type = Array.isArray(schema.type) ? this.#random.pick(schema.type) : schema.type
    switch (type) {
      case 'object':
        return this.#object(schema, isWrong, depth)
      case 'array': {
        const length = depth > 3 ? 0 : this.#random.integer(0, 3)
        return Array.from({ length }, () => this.#sample(schema.items ?? {}, isWrong, depth + 1))
      }
      case 'integer':
      case 'number':
        return Math.max(schema.minimum ?? 0, this.#random.integer(0, 5))
      case 'boolean':
        return this.#random.next() < 0.5
      case 'null':
        return null
      default:
        return this.#text(schema)
    }
  }

  #object(schema: Schema, isWrong: () => boolean, depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      const isNeeded = schema.required?.includes(name) ?? false
      if (isNeeded ? !isWrong() : this.#random.next() < 0.6) object[name] = this.#sample(member, isWrong, depth + 1)
    }
    const odd = (name: string, value: unknown) =>
      Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
    if (isWrong()) odd('__proto__', { polluted: 1 })
    if (isWrong()) odd(wellFormed(String(this.#random.pick(nastyTexts)).slice(0, 200)), this.#nasty())
    return object
  }

  #text({ format }: Schema): string {
    if (format === 'date-time') return new Date(1.8e12 + this.#random.integer(0, 1e9)).toISOString()
    return this.#random.pick([
      'a',
      'root',
      '测试',
      'now-1h',
      'now',
      '10.0.0.1',
      'user.name:root',
      'https://example.org/x',
    ])
  }

  #nasty(): unknown {
    const kind = this.#random.next()
    if (kind < 0.5) return this.#random.pick(nastyTexts)
    if (kind < 0.75) return this.#random.pick(nastyNumbers)
    return this.#random.pick<unknown>([null, true, [], {}, [[[]]], [null], { a: { b: {} } }, Array(3_000).fill(0)])
  }

  #rawBody(): Pick<FuzzRequest, 'headers' | 'body'> {
    const body = this.#random.pick<string | Uint8Array>([
      '',
      '{',
      '{"a":1}{"b":2}',
      '\ufeff{"a":1}',
      '{"a":1e99999,"b":-1e99999}',
      '{"a":"\\ud800"}',
      '{"\\u0000":1}',
      'null',
      '"text"',
      '[]',
      Buffer.from('{"a":"ÿ"}', 'latin1'),
      Buffer.from('{"name":"x"}', 'utf16le'),
      Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]),
      Buffer.alloc(200_000, 0),
    ])
    const encoding: Record<string, string> =
      this.#random.next() < 0.3 ? { 'content-encoding': this.#random.pick(['gzip', 'br', 'deflate', 'x']) } : {}
    return { body, headers: { 'content-type': this.#random.pick(contentTypes), ...encoding } }
  }
}

const contentTypes = [
  'application/json',
  'application/json; charset=utf-16',
  'application/json; charset=nonsense',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'application/x-ndjson',
  'text/csv',
  'application/xml',
  '*/*',
  'x',
]
const matchTags = ['"1"', 'W/"1"', '*', '"', '""', '"999999999999999999999"', '"\u00ff"', '1, 2']

/** JSON nested so deep that a careless reader overflows its stack. */
function deep(levels: number): string {
  return `${'{"a":['.repeat(levels)}1${']}'.repeat(levels)}`
}

/** Lone surrogates cannot be written in an address. */
function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '\ufffd')
}

function encode(text: string): string {
  return encodeURIComponent(wellFormed(text))
}
