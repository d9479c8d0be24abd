import { benignRecords } from '../../server/src/app/demo/benign.ts'
import type { DemoRecord } from '../../server/src/app/demo/lines.ts'
import { SeededRandom } from '../../server/src/lib/seeded-random.ts'

/** Any whole second; its spellings in the lines are replaced by the time of sending. */
const baseMs = Date.UTC(2026, 0, 15, 10, 20, 30)
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (value: number) => String(value).padStart(2, '0')

type Spelling = (atMs: number) => string

const dayTime: Spelling = (atMs) => new Date(atMs).toISOString().slice(11, 19)
const spellings: Spelling[] = [
  (atMs) =>
    `${months[new Date(atMs).getUTCMonth()]} ${String(new Date(atMs).getUTCDate()).padStart(2)} ${dayTime(atMs)}`,
  (atMs) =>
    `${two(new Date(atMs).getUTCDate())}/${months[new Date(atMs).getUTCMonth()]}/${new Date(atMs).getUTCFullYear()}:${dayTime(atMs)}`,
  (atMs) => `rt=${atMs}`,
  (atMs) => `audit(${(atMs / 1000).toFixed(3)}:`,
  (atMs) => `"ts":${atMs / 1000},`,
  (atMs) => new Date(atMs).toISOString(),
]

/** Lines of one way, ready to be stamped again and again with the time of sending. */
export class LinePool {
  readonly count: number
  private readonly pieces: (string | Spelling)[] = []

  constructor(lines: string[]) {
    this.count = lines.length
    const marks = new Map(spellings.map((spelling) => [spelling(baseMs), spelling]))
    const escaped = [...marks.keys()].map((mark) => mark.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const pattern = new RegExp(`(${escaped.join('|')})`)
    for (const line of lines) {
      for (const piece of `${line}\n`.split(pattern)) this.pieces.push(marks.get(piece) ?? piece)
    }
  }

  /** All lines with the time `atMs`, newline framed, and where each ends. */
  render(atMs: number): { bytes: Buffer; ends: number[] } {
    const stamps = new Map(spellings.map((spelling) => [spelling, spelling(atMs)]))
    const bytes = Buffer.from(
      this.pieces.map((piece) => (typeof piece === 'string' ? piece : stamps.get(piece)!)).join(''),
    )
    const ends: number[] = []
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, end + 1)) ends.push(end + 1)
    return { bytes, ends }
  }
}

/** `count` ordinary records, as the city writes them, and the share of each source. */
export function ordinaryRecords(seed: number, count: number): { records: DemoRecord[]; mix: string } {
  const random = new SeededRandom(seed)
  const records: DemoRecord[] = []
  // Mistyped passwords are dated back by some seconds; here everything happens now.
  while (records.length < count)
    records.push(...benignRecords(random, baseMs).filter((record) => record.atMs === baseMs))
  records.length = count
  const shares = new Map<string, number>()
  for (const { source } of records) shares.set(source, (shares.get(source) ?? 0) + 1)
  const mix = [...shares].map(([source, share]) => `${source} ${Math.round((100 * share) / count)} %`).join(', ')
  return { records, mix }
}
