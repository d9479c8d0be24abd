import { statfs } from 'node:fs/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { sql } from 'drizzle-orm'
import type { Config } from '../../config/config.ts'
import type { Severity } from '../../event/event.ts'
import { visibleTo } from '../../seams/events/open.ts'
import { type Context, requirePermission } from '../write.ts'
import type { BusFacts, ChildFacts, HealthProbe, LossFacts, ThreadFacts } from './probe.ts'

/** Room on the disk of the data. */
export interface DiskFacts {
  path: string
  totalBytes: number
  freeBytes: number
}

export interface Health {
  status: 'healthy' | 'degraded' | 'down'
  version: string
  startedAt: Date
  uptimeSeconds: number
  problems: HealthProblem[]
  children: ChildFacts[]
  threads: ThreadFacts[]
  bus: BusFacts[]
  disk: DiskFacts | null
  losses: LossFacts[]
  process: { memoryBytes: number; heapBytes: number; cpuSeconds: number }
  versions: Record<string, string>
  /** Without secrets. */
  settings: Record<string, unknown>
}

export interface HealthProblem {
  part: string
  severity: Severity
  message: string
  /** The same for a reader of another language: what kind of problem it is, and with which values. */
  problem: 'not_running' | 'no_answer' | 'queue_full' | 'disk_low' | 'loss'
  parameters: Record<string, string | number>
}

/** What the verb reads from, beside the context. */
export interface HealthParts {
  config: Config
  version: string
  probe: HealthProbe
  events: ClickHouseClient
}

/** The share of the disk, and the bytes, below which records will soon be refused. */
const diskLow = { share: 0.05, bytes: 2 ** 30 }
/** The share of the bus's bound above which senders will soon be refused. */
const busHigh = 0.8
const answerTimeoutMs = 2000

/** State of every part of the running program. Throws FORBIDDEN; a part that does not answer is a problem, not an error. */
export async function readHealth(context: Context, parts: HealthParts): Promise<Health> {
  requirePermission(context.actor, 'health:read')
  const { config, probe, version } = parts
  const [disk, versions] = await Promise.all([readDisk(config.dataDir), readVersions(context, parts)])
  const facts = { children: probe.children(), threads: probe.threads(), bus: probe.bus(), losses: probe.losses(), disk }
  const problems = problemsOf(facts, versions)
  const memory = process.memoryUsage()
  const cpu = process.cpuUsage()
  return {
    status: problems.some(({ severity }) => severity === 'critical')
      ? 'down'
      : problems.length > 0
        ? 'degraded'
        : 'healthy',
    version,
    startedAt: probe.startedAt,
    uptimeSeconds: Math.round((context.clock.now() - probe.startedAt.getTime()) / 1000),
    problems,
    ...facts,
    process: {
      memoryBytes: memory.rss,
      heapBytes: memory.heapUsed,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
    },
    versions: { watchfire: version, node: process.version, ...versions },
    settings: openSettings(config),
  }
}

type Facts = Pick<Health, 'children' | 'threads' | 'bus' | 'losses' | 'disk'>

function problemsOf(
  { children, threads, bus, losses, disk }: Facts,
  versions: Record<string, string>,
): Health['problems'] {
  const problems: Health['problems'] = []
  const add = (
    part: string,
    severity: Severity,
    problem: HealthProblem['problem'],
    parameters: HealthProblem['parameters'],
    message: string,
  ) => problems.push({ part, severity, problem, parameters, message })
  for (const { name, status } of children) {
    if (status !== 'running' && status !== 'external')
      add(name, 'critical', 'not_running', { name, status }, `The store ${name} is ${status}`)
  }
  if (!versions.clickhouse)
    add('events', 'critical', 'no_answer', { name: 'events' }, 'The event store does not answer')
  if (!versions.postgresql) add('state', 'critical', 'no_answer', { name: 'state' }, 'The state store does not answer')
  for (const { name, status } of threads) {
    if (status !== 'running') add(name, 'critical', 'not_running', { name, status }, `The thread ${name} is ${status}`)
  }
  for (const { topic, bytes, limitBytes } of bus) {
    if (bytes <= limitBytes * busHigh) continue
    const percent = Math.round((bytes / limitBytes) * 100)
    add('bus', 'high', 'queue_full', { topic, percent }, `The queue ${topic} holds ${percent} % of its bound`)
  }
  if (disk && (disk.freeBytes < diskLow.bytes || disk.freeBytes < disk.totalBytes * diskLow.share)) {
    const { path } = disk
    const freeMib = Math.round(disk.freeBytes / 2 ** 20)
    const severity = disk.freeBytes < diskLow.bytes / 4 ? 'critical' : 'high'
    add('disk', severity, 'disk_low', { path, freeMib }, `Only ${freeMib} MiB are free on ${path}`)
  }
  for (const { counter, value, description } of losses) {
    if (value > 0) add(counter, 'medium', 'loss', { counter, value }, `${description} (${value})`)
  }
  return problems
}

/** Null while the folder does not exist. */
export async function readDisk(path: string): Promise<DiskFacts | null> {
  try {
    const { blocks, bavail, bsize } = await statfs(path)
    return { path, totalBytes: blocks * bsize, freeBytes: bavail * bsize }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** A store that does not answer has no version. */
async function readVersions(
  { database, actor, clock }: Context,
  { events }: HealthParts,
): Promise<Record<string, string>> {
  const clickhouse = async () => {
    const answer = await events.query({
      query: 'SELECT version() AS version',
      format: 'JSONEachRow',
      clickhouse_settings: visibleTo(actor.unitPath),
    })
    return (await answer.json<{ version: string }>())[0]?.version
  }
  const postgresql = async () => {
    const { rows } = await database.execute<{ server_version: string }>(sql`SHOW server_version`)
    return rows[0]?.server_version
  }
  const within = async (ask: () => Promise<string | undefined>) => {
    const waiting = new AbortController()
    const timeout = clock.sleep(answerTimeoutMs, waiting.signal).then(
      () => undefined,
      () => undefined,
    )
    const answer = await Promise.race([ask().catch(() => undefined), timeout])
    waiting.abort()
    return answer
  }
  const [events_, state] = await Promise.all([within(clickhouse), within(postgresql)])
  return { ...(events_ ? { clickhouse: events_ } : {}), ...(state ? { postgresql: state } : {}) }
}

/** Settings whose values are secrets. */
const secretSettings = /token|secret|password|writer|reader|key/i

function openSettings(config: Config): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config)
      .filter(([name]) => !secretSettings.test(name))
      .map(([name, value]) => [name, typeof value === 'string' ? withoutPassword(value) : value]),
  )
}

/** `postgres://user:password@host` names the password: it is left out. */
function withoutPassword(text: string): string {
  return text.replace(/(:\/\/)[^@/\s]*@/g, '$1***@')
}
