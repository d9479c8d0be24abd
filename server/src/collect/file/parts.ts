import { type FileHandle, open } from 'node:fs/promises'
import { byteOrderMarkBytes, detectFormat, isGzip } from './format.ts'
import { type FoundInput, standardInput } from './input.ts'

/** Bytes of a part. Fixed, so that the parts of a file are the same whoever reads them. */
const defaultPartBytes = 32 * 2 ** 20
const headBytes = 1 << 20
const searchBytes = 1 << 16
const lineFeed = 10

/**
 * The inputs with every large NDJSON file cut into parts at the ends of its lines, which can be read side by side. Everything else
 * (compressed, UTF-16, other formats, whose records lean on those before) stays whole.
 */
export async function splitInputs(inputs: readonly FoundInput[], partBytes = defaultPartBytes): Promise<FoundInput[]> {
  const split: FoundInput[] = []
  for (const input of inputs) split.push(...(await partsOf(input, partBytes)))
  return split
}

async function partsOf(input: FoundInput, partBytes: number): Promise<FoundInput[]> {
  if (input.bytes < 2 * partBytes || input.member !== undefined || input.path === standardInput) return [input]
  // A file that cannot be opened tells so when its turn comes.
  const file = await open(input.path).catch(() => undefined)
  if (!file) return [input]
  try {
    if (!(await isLines(file))) return [input]
    const parts: FoundInput[] = []
    for (let from = 0; from < input.bytes; ) {
      const left = input.bytes - from
      const to = left < 2 * partBytes ? input.bytes : await nextLine(file, from + partBytes, input.bytes)
      parts.push({ ...input, bytes: to - from, part: { from, to } })
      from = to
    }
    return parts
  } finally {
    await file.close()
  }
}

async function isLines(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
  const head = buffer.subarray(0, bytesRead)
  // Beyond its first line a byte order mark, UTF-16 or compression cannot be seen.
  if (isGzip(head) || head[0] === 0xff || head[0] === 0xfe || byteOrderMarkBytes(head) > 0) return false
  try {
    return detectFormat(head) === 'ndjson' && head.includes(lineFeed)
  } catch {
    // A format that is refused is refused by its reader, with the reason.
    return false
  }
}

/** Where the first line begins that starts behind the position; the end of the file when none does. */
async function nextLine(file: FileHandle, position: number, end: number): Promise<number> {
  const buffer = Buffer.alloc(searchBytes)
  for (let at = position - 1; at < end; at += searchBytes) {
    const { bytesRead } = await file.read(buffer, 0, searchBytes, at)
    const found = buffer.subarray(0, bytesRead).indexOf(lineFeed)
    if (found >= 0) return Math.min(end, at + found + 1)
    if (bytesRead === 0) break
  }
  return end
}
