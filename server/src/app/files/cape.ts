import { hash } from 'node:crypto'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { CodedError } from '../../event/errors.ts'
import type { Fields } from '../../event/event.ts'
import { resolveDestination } from '../../respond/destination.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { FileJudge } from './file-judges.ts'

export interface CapeOptions {
  /** Address of the sandbox's web service, `https://cape.example`. */
  url: string
  token?: string
  /** The sandbox may stand inside; without it only outward addresses are reached. */
  allowPrivate: boolean
  clock: Clock
  pollMs?: number
}

const pollEveryMs = 15_000
const judgementTimeoutMs = 30 * 60_000
const answerLimitBytes = 64 * 1_048_576
/** Score from which CAPE itself calls a file malicious (malscore is 0 to 10). */
const maliciousScore = 6
/** Types that do something when they are opened: a sandbox is slow, and pictures would fill it. */
const wantedTypes = /^application\/(?!json|pdf-|x-pem)|^text\/x-|^text\/html$|^text\/rtf$/

interface Task {
  data?: { task_ids?: number[]; status?: string }
  error?: boolean
  error_value?: string
}

/**
 * A CAPE sandbox as a judge, by its REST API (apiv2): the file is sent, its task asked for until it is reported, then the
 * report's score and family read (https://capev2.readthedocs.io/en/latest/usage/api.html). Throws CONFIG_INVALID.
 */
export function capeJudge(options: CapeOptions): FileJudge {
  let base: URL
  try {
    base = new URL(options.url.endsWith('/') ? options.url : `${options.url}/`)
  } catch (cause) {
    throw new CodedError('CONFIG_INVALID', `${options.url} is no address of a sandbox`, {}, { cause })
  }
  if (base.protocol !== 'https:' && base.protocol !== 'http:')
    throw new CodedError('CONFIG_INVALID', `${options.url} is no http or https address`, {})
  const ask = <Answer>(path: string, signal: AbortSignal, body?: { bytes: Buffer; type: string }) =>
    call<Answer>(new URL(path, base), options, signal, body)
  return {
    name: 'cape',
    timeoutMs: judgementTimeoutMs,
    wants: ({ mimeType }) => mimeType !== undefined && wantedTypes.test(mimeType),
    async judge(content, { sha256, name }, signal) {
      const created = await ask<Task>('apiv2/tasks/create/file/', signal, multipart(content, name ?? sha256))
      const id = created.data?.task_ids?.[0]
      if (created.error || id === undefined)
        throw new CodedError('FILE_NOT_JUDGED', `the sandbox refused: ${created.error_value ?? 'no task'}`)
      for (;;) {
        await options.clock.sleep(options.pollMs ?? pollEveryMs, signal)
        const { data } = await ask<Task>(`apiv2/tasks/view/${id}/`, signal)
        if (data?.status === 'reported') break
        if (data?.status?.startsWith('failed'))
          throw new CodedError('FILE_NOT_JUDGED', `the sandbox says ${data.status}`)
      }
      return verdictOf(await ask<Record<string, unknown>>(`apiv2/tasks/get/report/${id}/json/`, signal), id)
    },
  }
}

function verdictOf(report: Record<string, unknown>, id: number): Fields {
  const score = Number(report.malscore ?? (report.info as { score?: unknown } | undefined)?.score ?? 0)
  const families = [report.detections].flat().flatMap((one) => {
    const name = typeof one === 'object' && one !== null ? (one as { family?: unknown }).family : one
    return typeof name === 'string' ? [name.slice(0, 200)] : []
  })
  const signatures = [report.signatures].flat().flatMap((one) => {
    const name = (one as { name?: unknown } | undefined)?.name
    return typeof name === 'string' ? [name.slice(0, 200)] : []
  })
  const fields: Fields = {
    'traffic.file.verdict':
      score >= maliciousScore || families.length > 0 ? 'malicious' : score > 2 ? 'suspicious' : 'clean',
    'traffic.file.score': Number.isFinite(score) ? score : 0,
    'traffic.file.sandbox_task': String(id),
  }
  if (families[0] !== undefined) fields['traffic.file.signature'] = families[0]
  if (signatures.length > 0) fields['traffic.file.behaviour'] = signatures.slice(0, 50)
  return fields
}

function multipart(content: Buffer, name: string): { bytes: Buffer; type: string } {
  // A hash of the content does not stand in the content.
  const boundary = `watchfire-${hash('sha256', content, 'hex')}`
  const safe = name.replace(/["\r\n\\/]/g, '_').slice(-200)
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${safe}"\r\ncontent-type: application/octet-stream\r\n\r\n`
  const bytes = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)])
  return { bytes, type: `multipart/form-data; boundary=${boundary}` }
}

/** One request: the name is judged first and the connection goes to that very address; redirects are not followed. */
async function call<Answer>(
  url: URL,
  { token, allowPrivate }: CapeOptions,
  signal: AbortSignal,
  body?: { bytes: Buffer; type: string },
): Promise<Answer> {
  const { address, family } = await resolveDestination(url.hostname, { allowPrivate })
  const lookup: LookupFunction = (_, wanted, answer) =>
    wanted.all ? answer(null, [{ address, family }]) : answer(null, address, family)
  const headers: Record<string, string> = { accept: 'application/json' }
  if (token !== undefined) headers.authorization = `Token ${token}`
  if (body) Object.assign(headers, { 'content-type': body.type, 'content-length': String(body.bytes.length) })
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const settings = { method: body ? 'POST' : 'GET', headers, signal, agent: false as const, family, lookup }
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, settings, resolve)
    request.once('error', reject)
    request.end(body?.bytes)
  })
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > answerLimitBytes) throw new CodedError('FILE_NOT_JUDGED', 'the answer of the sandbox is too large')
    pieces.push(piece)
  }
  if (response.statusCode !== 200)
    throw new CodedError('FILE_NOT_JUDGED', `the sandbox answered ${response.statusCode}`)
  return JSON.parse(Buffer.concat(pieces).toString('utf8')) as Answer
}
