import { connect, type Socket } from 'node:net'
import { CodedError } from '../../event/errors.ts'

/** `tcp://host:3310`, `host:3310` or the path of a UNIX socket. */
export type ClamdAddress = { host: string; port: number } | { path: string }

/** Longest chunk of INSTREAM; clamd's own StreamMaxLength bounds the sum (clamd(8)). */
const chunkBytes = 65_536
const answerLimitBytes = 4_096

/** Throws CONFIG_INVALID for what is no address. */
export function parseClamdAddress(text: string): ClamdAddress {
  const path = /^(?:unix:(?:\/\/)?)?(\/.+)$/.exec(text)?.[1]
  if (path !== undefined) return { path }
  const [, host, port] = /^(?:tcp:\/\/)?(\[[^\]]+\]|[^:/\s]+):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535)
    throw new CodedError('CONFIG_INVALID', `${text} is no address of clamd: tcp://HOST:PORT or unix:/PATH`, {})
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/**
 * Has clamd look into a file (INSTREAM: chunks with their length before them, a length of zero at the end). Answers the name
 * of the signature it found, undefined when it found none. Rejects when it does not answer in time, or answers an error.
 */
export async function scanWithClamd(
  address: ClamdAddress,
  content: Uint8Array,
  signal: AbortSignal,
): Promise<string | undefined> {
  const socket = connect(address)
  try {
    const answer = answerOf(socket, signal)
    let isAnswered = false
    // What goes wrong while sending is told by the answer, or by its absence; nothing is sent after either.
    const settled = answer.then(
      () => undefined,
      () => undefined,
    )
    void settled.then(() => {
      isAnswered = true
    })
    socket.write('zINSTREAM\0')
    for (let at = 0; at < content.length && !isAnswered; at += chunkBytes) {
      const chunk = content.subarray(at, at + chunkBytes)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(chunk.length)
      socket.write(length)
      if (!socket.write(chunk)) await drained(socket, settled)
    }
    if (!isAnswered) socket.write(Buffer.alloc(4))
    const text = await answer
    const found = /^stream: (.+) FOUND$/.exec(text)?.[1]
    if (found !== undefined) return found
    if (text === 'stream: OK') return undefined
    throw new CodedError('FILE_NOT_JUDGED', `clamd answered: ${text.slice(0, 200)}`)
  } finally {
    socket.destroy()
  }
}

function drained(socket: Socket, settled: Promise<void>): Promise<unknown> {
  return Promise.race([new Promise((resolve) => socket.once('drain', resolve)), settled])
}

function answerOf(socket: Socket, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const abort = () => socket.destroy(new CodedError('FILE_NOT_JUDGED', 'clamd does not answer in time'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('utf8')
      if (text.length > answerLimitBytes)
        return socket.destroy(new CodedError('FILE_NOT_JUDGED', 'clamd answers without end'))
      const end = text.indexOf('\0')
      if (end >= 0) resolve(text.slice(0, end))
    })
    socket.once('error', reject)
    socket.once('close', () => {
      signal.removeEventListener('abort', abort)
      reject(new CodedError('FILE_NOT_JUDGED', 'clamd closed the connection without an answer'))
    })
  })
}
