import type { Schemas } from '../../api/client.ts'

type Window = Schemas['Analytic']['windows'][number]

/** Adjacent windows that are alike, as one piece of the band. `filled` is what a later run made good. */
export interface Segment {
  kind: 'done' | 'filled' | 'due' | 'given_up'
  fromMs: number
  toMs: number
  windows: number
}

export function segmentsOf(windows: Window[]): Segment[] {
  const segments: Segment[] = []
  for (const { from, to, state, cause } of windows) {
    const kind = state !== 'done' ? state : cause === 'scheduled' ? 'done' : 'filled'
    const fromMs = Date.parse(from)
    const toMs = Date.parse(to)
    const last = segments.at(-1)
    if (last && last.kind === kind && last.toMs === fromMs) {
      last.toMs = toMs
      last.windows++
    } else segments.push({ kind, fromMs, toMs, windows: 1 })
  }
  return segments
}
