import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { CodedError } from '../../event/errors.ts'
import { ingestLimits } from './limits.ts'

const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const

/**
 * Undoes the `Content-Encoding` of a request body, off the event loop and never beyond `limitBytes` of output.
 * Throws TOO_LARGE above the bound and BAD_REQUEST for an unknown encoding or a damaged body.
 */
export async function decodeBody(
  body: Buffer,
  contentEncoding: string | undefined,
  limitBytes: number = ingestLimits.bodyBytes,
): Promise<Buffer> {
  const encoding = (contentEncoding ?? '').trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') {
    if (body.length > limitBytes) throw tooLarge(limitBytes)
    return body
  }
  if (!Object.hasOwn(decoders, encoding)) {
    const known = Object.keys(decoders).join(', ')
    throw new CodedError('BAD_REQUEST', `Content-Encoding ${encoding} is not one of ${known}`, { encoding })
  }
  try {
    return await decoders[encoding as keyof typeof decoders](body, { maxOutputLength: limitBytes })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limitBytes)
    throw new CodedError(
      'BAD_REQUEST',
      `The ${encoding} body is damaged: ${(cause as Error).message}`,
      { encoding },
      { cause },
    )
  }
}

function tooLarge(limitBytes: number): CodedError {
  return new CodedError('TOO_LARGE', `The body exceeds ${limitBytes} bytes after decompression`, { limitBytes })
}
