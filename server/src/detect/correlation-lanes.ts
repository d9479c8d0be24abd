import type { Detection } from '../event/event.ts'
import type { Match } from '../event/match.ts'
import type { CorrelationStage } from './correlations.ts'
import type { CorrelationSnapshot } from './sigma/correlation/engine.ts'

/** One stream of event time: the live one (`source` empty), or that of a sender that tells of another time. */
interface Lane {
  source: string
  stage: CorrelationStage
  newestMs: number
  /** No event before this is taken any more. */
  watermarkMs: number
  /** Time of the last push, on the caller's clock. */
  pushedAtMs: number
}

export interface LanesSnapshot {
  lanes: (Omit<Lane, 'stage'> & { state: CorrelationSnapshot })[]
}

export interface CorrelationLanes {
  /** Detections that stand alone and the correlations they complete, in order; see `CorrelationStage.push`. */
  push(matches: readonly Match[], nowMs: number): Detection[]
  /** Lets time pass in streams that fell silent, so that conditions that wait for it are decided. */
  idle(nowMs: number): Detection[]
  snapshot(): LanesSnapshot
  /** The snapshot as JSON, in pieces. */
  snapshotText(): Iterable<string>
  restore(snapshot: LanesSnapshot): void
  counters(): {
    lanes: number
    groups: number
    correlationEvicted: number
    correlationLate: number
    lanesEvicted: number
  }
}

/** How far behind the newest event an event of the same stream may come. */
export const correlationLatenessMs = 5 * 60_000
const laneLimit = 64

/**
 * Correlations run on event time, and a record that is far older than the newest one comes too late for its stream. But an
 * imported file, a sender whose clock is wrong or one that catches up after an outage is a stream of its own: such
 * detections are correlated in a lane of their sender, with its own time, so that old records neither go unseen nor
 * disturb the live ones. The lane longest untouched is given up at the bound, and counted.
 */
export function createCorrelationLanes(createStage: () => CorrelationStage): CorrelationLanes {
  let lanes: Lane[] = []
  let lanesEvicted = 0

  function laneFor(match: Match, nowMs: number): Lane {
    const fits = (lane: Lane) => match.timeMs >= lane.watermarkMs
    const live = lanes.find((lane) => lane.source === '')
    if (live && fits(live)) return live
    const own = live && lanes.find((lane) => lane.source === match.sourceKey && fits(lane))
    return own ?? openLane(live ? match.sourceKey : '', nowMs)
  }

  function openLane(source: string, nowMs: number): Lane {
    if (lanes.length >= laneLimit) {
      const others = lanes.filter((lane) => lane.source !== '')
      const oldest = others.reduce((a, b) => (b.pushedAtMs < a.pushedAtMs ? b : a))
      lanes = lanes.filter((lane) => lane !== oldest)
      lanesEvicted++
    }
    const lane: Lane = {
      source,
      stage: createStage(),
      newestMs: Number.NEGATIVE_INFINITY,
      watermarkMs: Number.NEGATIVE_INFINITY,
      pushedAtMs: nowMs,
    }
    lanes.push(lane)
    return lane
  }

  return {
    push(matches, nowMs) {
      const out: Detection[] = []
      for (const match of matches) {
        const lane = laneFor(match, nowMs)
        out.push(...lane.stage.push([match]))
        lane.newestMs = Math.max(lane.newestMs, match.timeMs)
        lane.watermarkMs = Math.max(lane.watermarkMs, lane.newestMs - correlationLatenessMs)
        lane.pushedAtMs = nowMs
      }
      return out
    },
    idle(nowMs) {
      const out: Detection[] = []
      for (const lane of lanes) {
        const watermarkMs = lane.newestMs + (nowMs - lane.pushedAtMs) - correlationLatenessMs
        if (watermarkMs <= lane.watermarkMs) continue
        lane.watermarkMs = watermarkMs
        out.push(...lane.stage.advance(watermarkMs))
      }
      return out
    },
    snapshot: () => ({ lanes: lanes.map(({ stage, ...facts }) => ({ ...facts, state: stage.snapshot() })) }),
    *snapshotText() {
      yield '{"lanes":['
      for (const [index, { stage, ...facts }] of lanes.entries()) {
        yield `${index === 0 ? '' : ','}${JSON.stringify(facts).slice(0, -1)},"state":`
        yield* stage.snapshotText()
        yield '}'
      }
      yield ']}'
    },
    restore(snapshot) {
      lanes = snapshot.lanes.map(({ state, ...facts }) => {
        const stage = createStage()
        stage.restore(state)
        return { ...facts, stage }
      })
    },
    counters() {
      const all = lanes.map((lane) => lane.stage)
      const sum = (read: (stage: CorrelationStage) => number) => all.reduce((total, stage) => total + read(stage), 0)
      return {
        lanes: lanes.length,
        groups: sum((stage) => stage.liveGroups),
        correlationEvicted: sum((stage) => stage.counters.entriesEvicted + stage.counters.groupsEvicted),
        correlationLate: sum((stage) => stage.counters.late),
        lanesEvicted,
      }
    },
  }
}
