/** Where a progress bar is drawn: a terminal, or anything else, which then gets a plain line now and then. */
export interface ProgressOutput {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

export interface Progress {
  /** `doneBytes` of the total, and any count worth showing beside it. */
  update(doneBytes: number, note?: string): void
  /** Ends the line; the last state stays on screen. */
  done(): void
}

const drawEveryMs = 100
const plainEveryMs = 5_000
const barWidth = 24

/** A bar with share, rate and time left. `now` gives milliseconds. */
export function createProgress(output: ProgressOutput, label: string, totalBytes: number, now: () => number): Progress {
  const startedAtMs = now()
  const everyMs = output.isTTY ? drawEveryMs : plainEveryMs
  let drawnAtMs = Number.NEGATIVE_INFINITY
  let last = ''

  const draw = (doneBytes: number, note: string) => {
    const share = totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : 1
    const seconds = Math.max(0.001, (now() - startedAtMs) / 1_000)
    const bytesPerSecond = doneBytes / seconds
    const left = bytesPerSecond > 0 ? (totalBytes - doneBytes) / bytesPerSecond : 0
    const bar = '█'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '░')
    const parts = [`${label} ${bar} ${(share * 100).toFixed(0).padStart(3)} %`, `${formatBytes(bytesPerSecond)}/s`]
    if (note) parts.push(note)
    parts.push(share < 1 ? `${formatSeconds(left)} left` : formatSeconds(seconds))
    last = parts.join('  ').slice(0, Math.max(20, (output.columns ?? 200) - 1))
    drawnAtMs = now()
    output.write(output.isTTY ? `\r\u001b[2K${last}` : `${last}\n`)
  }
  let state: [number, string] = [0, '']

  return {
    update(doneBytes, note = '') {
      state = [doneBytes, note]
      if (now() - drawnAtMs >= everyMs) draw(doneBytes, note)
    },
    done() {
      draw(...state)
      if (output.isTTY) output.write('\n')
    },
  }
}

/** `1536` -> `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024
    unit++
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  return whole < 3_600
    ? `${Math.floor(whole / 60)} min ${whole % 60} s`
    : `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`
}
