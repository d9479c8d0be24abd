import { isCanaryKey } from '../../event/canary.ts'
import type { Event, Fields } from '../../event/event.ts'
import type { FieldSample } from '../../state/sources/fills.ts'

/** Every event of a sender is looked at up to here in an hour, then one of so many: what it costs does not grow with the flow. */
const takenFully = 200
const thenEvery = 64
const hourMs = 3_600_000
/** Senders choose names and codes, so that each of these is bounded. */
const limits = { sources: 20_000, kindsOfSource: 64, fieldsOfKind: 512 } as const

interface Kind {
  routing: Fields
  samples: number
  counts: Map<string, number>
}

interface SourceState {
  hour: number
  seen: number
  kinds: Map<string, Kind>
}

/**
 * Counts which fields events have, by sender and kind, on a sample. `routingFields` are those that decide the log source; a
 * sample of their values is kept with each kind.
 */
export function createFieldSampler(routingFields: readonly string[]) {
  let sources = new Map<string, SourceState>()

  function take(state: SourceState, { fields }: Event): void {
    const dataset = String(fields['event.dataset'] ?? '')
    if (dataset === 'unparsed') return
    const name = `${dataset}/${String(fields['event.code'] ?? fields['event.action'] ?? '')}`.slice(0, 200)
    let kind = state.kinds.get(name)
    if (!kind) {
      if (state.kinds.size >= limits.kindsOfSource) return
      kind = { routing: {}, samples: 0, counts: new Map() }
      for (const field of routingFields) if (fields[field] !== undefined) kind.routing[field] = fields[field]
      state.kinds.set(name, kind)
    }
    kind.samples++
    const { counts } = kind
    for (const field in fields) {
      const count = counts.get(field)
      if (count !== undefined) counts.set(field, count + 1)
      else if (counts.size < limits.fieldsOfKind) counts.set(field, 1)
    }
  }

  return {
    add(events: readonly Event[]): void {
      let key = ''
      let state: SourceState | undefined
      for (const event of events) {
        if (event.sourceKey !== key) {
          key = event.sourceKey
          state = sources.get(key)
        }
        const hour = Math.floor(event.receivedAtMs / hourMs)
        if (!state) {
          if (sources.size >= limits.sources || isCanaryKey(key)) continue
          state = { hour, seen: 0, kinds: new Map() }
          sources.set(key, state)
        }
        if (state.hour !== hour) {
          state.hour = hour
          state.seen = 0
        }
        if (state.seen++ < takenFully || state.seen % thenEvery === 0) take(state, event)
      }
    },
    /** Hands out what was counted since the last call. */
    takeSamples(): FieldSample[] {
      const out: FieldSample[] = []
      for (const [sourceKey, { kinds }] of sources) {
        for (const [kind, { routing, samples, counts }] of kinds) {
          out.push({ sourceKey, kind, routing, samples, counts: Object.fromEntries(counts) })
        }
      }
      // Senders that were not heard since are forgotten, so that the bound is one of senders that send.
      const heard = [...sources].filter(([, { kinds }]) => kinds.size > 0)
      sources = new Map(heard.map(([key, state]) => [key, { ...state, kinds: new Map() }]))
      return out
    },
  }
}
