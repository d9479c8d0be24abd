import { createHash } from 'node:crypto'
import { CodedError } from '../../event/errors.ts'
import type { RawRecord } from '../../event/raw-record.ts'
import { splitLines } from '../../lib/lines.ts'
import { checkBounds, checkName } from './lines.ts'

export type BulkVerb = 'index' | 'create' | 'update' | 'delete'

/** One item of an Elasticsearch `_bulk` request, in the order of the request. */
export interface BulkItem {
  verb: BulkVerb
  index: string
  /** As the sender gave it; undefined when it left the choice to us. */
  id: string | undefined
  /** 201 when it will be stored, 400 when it is refused. */
  status: 201 | 400
  error?: { type: string; reason: string }
  /** The document as it came; only of items with status 201. */
  document?: Buffer
}

export interface BulkRequest {
  items: BulkItem[]
}

const verbs = new Set<string>(['index', 'create', 'update', 'delete'])

/**
 * Reads the body of `POST /_bulk` or `/{index}/_bulk`: pairs of an action line and a document line. Records are never
 * changed or removed, so `update` and `delete` are refused item by item, as a data stream of Elasticsearch refuses
 * them. A malformed action line is an item with status 400, and reading goes on at the next action line.
 * Throws BAD_REQUEST when the body holds no item at all, TOO_LARGE above the bounds of ingest.
 */
export function readBulk(body: Buffer, defaultIndex = ''): BulkRequest {
  const lines = splitLines(body)
  const items: BulkItem[] = []
  for (let position = 0; position < lines.length; position++) {
    const action = readAction(lines[position]!, defaultIndex)
    if (action === undefined) {
      items.push(
        refuse(
          { verb: 'index', index: defaultIndex, id: undefined },
          'illegal_argument_exception',
          'Malformed action line',
        ),
      )
      // Its document, if it has one, is no item of its own.
      if (position + 1 < lines.length && readAction(lines[position + 1]!, defaultIndex) === undefined) position++
      continue
    }
    if (action.verb === 'delete') {
      items.push(refuse(action, 'illegal_argument_exception', 'Records are append-only: delete is not possible'))
      continue
    }
    position++
    items.push(readItem(action, lines[position]))
  }
  if (items.length === 0) throw new CodedError('BAD_REQUEST', 'The bulk request holds no item')
  checkBounds(items.flatMap((item) => item.document ?? []))
  return { items }
}

type Action = Pick<BulkItem, 'verb' | 'index' | 'id'>

function readAction(line: Buffer, defaultIndex: string): Action | undefined {
  // Documents are long and actions short: what cannot be an action is not parsed as one.
  if (line.length > 2_048) return undefined
  const parsed = parseObject(line)
  const [verb, ...rest] = Object.keys(parsed ?? {})
  if (parsed === undefined || verb === undefined || rest.length > 0 || !verbs.has(verb)) return undefined
  const target = parsed[verb]
  if (typeof target !== 'object' || target === null || Array.isArray(target)) return undefined
  const { _index: index = defaultIndex, _id: id } = target as { _index?: unknown; _id?: unknown }
  if (typeof index !== 'string' || (id !== undefined && typeof id !== 'string' && typeof id !== 'number'))
    return undefined
  return { verb: verb as BulkVerb, index, id: id === undefined ? undefined : String(id) }
}

function readItem(action: Action, document: Buffer | undefined): BulkItem {
  if (document === undefined) return refuse(action, 'illegal_argument_exception', 'The action has no document')
  if (action.verb === 'update') {
    return refuse(action, 'illegal_argument_exception', 'Records are append-only: update is not possible')
  }
  if (action.index === '') return refuse(action, 'action_request_validation_exception', 'index is missing')
  try {
    checkName(action.index)
  } catch (error) {
    return refuse(action, 'invalid_index_name_exception', (error as CodedError).message)
  }
  if (parseObject(document) === undefined) {
    return refuse(action, 'document_parsing_exception', 'The document is not a JSON object')
  }
  return { ...action, status: 201, document }
}

function refuse(action: Action, type: string, reason: string): BulkItem {
  return { ...action, status: 400, error: { type, reason } }
}

function parseObject(line: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** The records of the items that are taken in, in order; `_index` names the source. */
export function bulkRecords(request: BulkRequest, facts: { sender: string; receivedAtMs: number }): RawRecord[] {
  const records: RawRecord[] = []
  for (const { document, index } of request.items) {
    if (document) records.push({ ...facts, transport: 'bulk', source: index, body: document })
  }
  return records
}

/**
 * When every document carries an id of the sender's own, sending them again is meant to be harmless: the key is a
 * hash over ids and documents. Undefined otherwise, since equal documents without ids may be two events.
 */
export function bulkIdempotencyKey(request: BulkRequest): string | undefined {
  const hash = createHash('sha256')
  let taken = 0
  for (const { document, index, id } of request.items) {
    if (!document) continue
    if (id === undefined) return undefined
    hash.update(`${index.length}:${index}${id.length}:${id}${document.length}:`).update(document)
    taken++
  }
  return taken === 0 ? undefined : `bulk:${hash.digest('hex')}`
}

/**
 * The answer of Elasticsearch 8 to a bulk request, one entry an item in the order of the request; to be sent only
 * once the records are durable. `newId` names documents that came without an id.
 */
export function bulkResponse(request: BulkRequest, tookMs: number, newId: () => string) {
  return {
    took: Math.max(0, Math.round(tookMs)),
    errors: request.items.some((item) => item.status !== 201),
    items: request.items.map((item) => ({ [item.verb]: bulkResult(item, newId) })),
  }
}

function bulkResult(item: BulkItem, newId: () => string) {
  const { index: _index, status, error } = item
  const _id = item.id ?? (error ? null : newId())
  if (error) return { _index, _id, status, error }
  const written = { total: 1, successful: 1, failed: 0 }
  return { _index, _id, _version: 1, result: 'created', _shards: written, _seq_no: 0, _primary_term: 1, status }
}
