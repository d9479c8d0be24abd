const lineFeed = 10
const carriageReturn = 13

/** The lines of `bytes` as views, without LF or CR LF; empty lines are left out. */
export function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let start = 0
  while (start < bytes.length) {
    const found = bytes.indexOf(lineFeed, start)
    const next = found < 0 ? bytes.length : found
    const end = next > start && bytes[next - 1] === carriageReturn ? next - 1 : next
    if (end > start) lines.push(bytes.subarray(start, end))
    start = next + 1
  }
  return lines
}
