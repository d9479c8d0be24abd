import { SeededRandom } from '../../lib/seeded-random.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { activity, benignRecords } from './benign.ts'
import { breakIn, sideAttack, spread } from './intrusion.ts'
import type { DemoRecord } from './lines.ts'
import { prepareCity } from './prepare-city.ts'
import { prepareChannel, prepareDuty, prepareFirst } from './prepare-duty.ts'
import { type DemoInputs, groupBySource, LiveSender, sendBulk, sendLines } from './senders.ts'

const minuteMs = 60_000
const slotMs = 10 * minuteMs
const historyMs = 24 * 60 * minuteMs
/** Ordinary happenings a second when the city is busiest. */
const busiestPerSecond = 0.9
const livePerSecond = 6
const tickMs = 250
const spreadAfterMs = 3_000
const sideAttackEveryMs = 12 * minuteMs

export interface DemoReport {
  historyRecords: number
  refusedRequests: number
  /** Why units and assets could not be created, if they could not. */
  cityProblem: string | undefined
  /** Why rules, canaries and the rest of the desk's work could not be prepared, if they could not. */
  dutyProblem: string | undefined
}

/**
 * Plays a day of the fictional city Yunlu through the platform's own inputs: the last 24 hours over HTTP, back-dated,
 * with the first half of an intrusion in them; then, live over syslog UDP and TCP, HTTP and the bulk API, the second
 * half within a minute, and from then on ordinary work with a lesser attack now and then. Runs until `signal` aborts.
 * A second start on the same data sends of the past only what is missing, and plays the live half anew.
 * `onHistory` is called once the past is in. The token needs `ingest`, and the permissions to write
 * units, assets, indicators, exceptions, saved searches, rules, notifications and sources. Notices go to `receiverOrigin`.
 */
export async function startDemo(options: {
  syslogPort: number
  syslogHost?: string
  httpUrl: string
  token: string
  receiverOrigin: string
  clock: Clock
  signal: AbortSignal
  onHistory?: (report: DemoReport) => void
}): Promise<void> {
  const { clock, signal, onHistory, syslogHost = '127.0.0.1' } = options
  const inputs: DemoInputs = { ...options, syslogHost, httpUrl: options.httpUrl.replace(/\/$/, '') }
  try {
    const cityProblem = await prepareCity(inputs)
    const firstProblem = problemOf(inputs, prepareFirst(inputs))
    const channelProblem = await problemOf(inputs, prepareChannel(inputs, options.receiverOrigin))
    const startMs = clock.now()
    const history = await sendHistory(inputs, startMs)
    const duty = Promise.all([firstProblem, prepareDuty(inputs)]).then((problems) =>
      onHistory?.({ ...history, cityProblem, dutyProblem: [channelProblem, ...problems].find((problem) => problem) }),
    )
    await Promise.all([duty, playLive(inputs)])
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** What went wrong, if something did: the play goes on without it. */
function problemOf({ signal }: DemoInputs, work: Promise<void>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: Error) => {
      signal.throwIfAborted()
      return error.message
    },
  )
}

/** Everything that happened in `[fromMs, toMs)`; the same slot of time always gives the same records. */
export function historySlot(fromMs: number, toMs: number): DemoRecord[] {
  const random = new SeededRandom(Math.floor(fromMs / slotMs))
  const records: DemoRecord[] = []
  for (let atMs = fromMs; atMs < toMs; ) {
    atMs += -Math.log(1 - random.next()) * (1_000 / (busiestPerSecond * activity(atMs)))
    if (atMs < toMs) records.push(...benignRecords(random, Math.floor(atMs)))
  }
  return records
}

/** The attacks of the last day, seen from `nowMs`. */
export function pastAttacks(nowMs: number): DemoRecord[] {
  const hoursAgo = (hours: number) => nowMs - hours * 60 * minuteMs
  return [
    ...sideAttack(hoursAgo(20), 3),
    ...sideAttack(hoursAgo(14), 4),
    ...sideAttack(hoursAgo(9), 5),
    ...sideAttack(hoursAgo(4), 6),
    ...breakIn(nowMs - 50 * minuteMs),
  ]
}

async function sendHistory(inputs: DemoInputs, nowMs: number) {
  const attacks = pastAttacks(nowMs)
  const report = { historyRecords: 0, refusedRequests: 0 }
  for (let fromMs = Math.floor((nowMs - historyMs) / slotMs) * slotMs; fromMs < nowMs; fromMs += slotMs) {
    const toMs = Math.min(fromMs + slotMs, nowMs)
    const happened = attacks.filter((record) => record.atMs >= fromMs && record.atMs < toMs)
    const records = [...historySlot(fromMs, toMs), ...happened].sort((a, b) => a.atMs - b.atMs)
    // A second start on the same data fills up what has passed since, and plays no attack of the past again: a slot that
    // is in is known by its key, whatever the attacks would be at the new time.
    const key = toMs === fromMs + slotMs ? `demo-${fromMs}` : undefined
    const count = (taken: boolean, added: number) => {
      if (taken) report.historyRecords += added
      else report.refusedRequests++
    }
    const events = records.filter((record) => record.way === 'bulk')
    // What live comes by syslog is, of the past, an upload of archived logs.
    const lines = records
      .filter((record) => record.way !== 'bulk')
      .map((record) => (record.way === 'http' ? record : { ...record, source: `${record.source}-archive` }))
    const sent = [...groupBySource(lines)].map(async ([source, texts]) =>
      count(await sendLines(inputs, source, texts, key), texts.length),
    )
    if (events.length > 0) sent.push(sendBulk(inputs, events, key).then((taken) => count(taken, events.length)))
    await Promise.all(sent)
  }
  return report
}

async function playLive(inputs: DemoInputs): Promise<void> {
  const { clock, signal } = inputs
  const sender = new LiveSender(inputs)
  const startMs = clock.now()
  const random = new SeededRandom(startMs)
  let script = spread(startMs + spreadAfterMs)
  let sideAttacks = 0
  let playedMs = startMs
  try {
    while (!signal.aborted) {
      const nowMs = clock.now()
      const due = script.filter((record) => record.atMs <= nowMs)
      script = script.filter((record) => record.atMs > nowMs)
      // After a pause (a laptop asleep) the missed time is not made up for.
      const missedMs = Math.min(nowMs - playedMs, 5_000)
      const happenings = Math.floor((missedMs / 1_000) * livePerSecond + random.next())
      for (let index = 0; index < happenings; index++)
        due.push(...benignRecords(random, nowMs - random.integer(0, missedMs)))
      playedMs = nowMs
      if (nowMs - startMs >= (sideAttacks + 1) * sideAttackEveryMs)
        script.push(...sideAttack(nowMs + tickMs, ++sideAttacks))
      await sender.send(due.sort((a, b) => a.atMs - b.atMs))
      await clock.sleep(tickMs, signal)
    }
  } finally {
    sender.close()
  }
}
