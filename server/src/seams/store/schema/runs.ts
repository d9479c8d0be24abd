import { sql } from 'drizzle-orm'
import { bigint, index, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })

/** The ledger: every run over stored events, one row for each attempt. Rows are added and finished, never taken back. */
export const runs = pgTable(
  'runs',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** A scheduled analytic, or a rule tried over history. */
    kind: text('kind').$type<'analytic' | 'backtest'>().notNull(),
    /** Id of the analytic or the rule. */
    subjectId: text('subject_id').notNull(),
    title: text('title').notNull(),
    titleZh: text('title_zh'),
    unitPath: text('unit_path').notNull(),
    /** Event time the run answers for, from inclusive, to exclusive. */
    windowFrom: time('window_from').notNull(),
    windowTo: time('window_to').notNull(),
    /** Why it ran: its time had come, an outage had left it out, late events, a failed attempt before, a person. */
    cause: text('cause').$type<'scheduled' | 'catch_up' | 'late' | 'manual'>().notNull(),
    attempt: integer('attempt').notNull(),
    state: text('state').$type<'running' | 'succeeded' | 'failed' | 'cancelled' | 'lost'>().notNull(),
    startedAt: time('started_at').notNull(),
    endedAt: time('ended_at'),
    /** Rows of the event store that were read; null while unknown. */
    rowsRead: bigint('rows_read', { mode: 'number' }),
    /** What the run found, before anything is left out. */
    matches: integer('matches'),
    errorCode: text('error_code'),
    error: text('error'),
    /** When a failed run is tried again; null when it is not. */
    retryAt: time('retry_at'),
    /** Name of the person, or of the part of the program, that asked for it. */
    requestedBy: text('requested_by').notNull(),
  },
  (table) => [
    index('runs_unit').on(table.unitPath.op('text_pattern_ops')),
    index('runs_started').on(table.startedAt, table.id),
    index('runs_window').on(table.kind, table.subjectId, table.windowFrom),
    index('runs_unfinished').on(table.kind).where(sql`ended_at IS NULL`),
  ],
)

/** Every window an analytic has to answer for: what is not `done` is a gap. */
export const analyticWindows = pgTable(
  'analytic_windows',
  {
    analyticId: text('analytic_id').notNull(),
    windowFrom: time('window_from').notNull(),
    windowTo: time('window_to').notNull(),
    /** `given_up` after the last attempt; a person may ask for it again. */
    state: text('state').$type<'due' | 'done' | 'given_up'>().notNull(),
    cause: text('cause').$type<'scheduled' | 'catch_up' | 'late' | 'manual'>().notNull(),
    /** Failed attempts since it was last due. */
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: time('next_attempt_at').notNull(),
    /** Start of the run that answered it, and the events its window held then. */
    answeredAt: time('answered_at'),
    eventCount: bigint('event_count', { mode: 'number' }),
    /** When it was looked at again for late events. */
    lateCheckedAt: time('late_checked_at'),
  },
  (table) => [
    primaryKey({ columns: [table.analyticId, table.windowFrom] }),
    index('analytic_windows_open').on(table.state, table.nextAttemptAt),
  ],
)

/** Detections that runs have published: a window that is run again publishes none of them twice. */
export const runDetections = pgTable(
  'run_detections',
  {
    detectionId: text('detection_id').primaryKey(),
    runId: bigint('run_id', { mode: 'number' })
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    at: time('at').notNull(),
  },
  (table) => [index('run_detections_run').on(table.runId), index('run_detections_at').on(table.at)],
)
