import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { ChildState } from '../seams/child/supervise.ts'
import type { Clock } from '../seams/clock/clock.ts'
import type { ChildFacts, HealthProbe, LossFacts } from '../state/health/probe.ts'
import type { Thread } from './threads.ts'

interface Child {
  state(): ChildState
  pid(): number | undefined
  version: string
  onState(listener: (state: ChildState) => void): () => void
}

interface Parts {
  config: Config
  store: Child
  events: Child
  threads: Thread[]
  clock: Clock
}

/** Counters of threads that mean a loss, and what was lost. */
const lossDescriptions: Record<string, string> = {
  udpDroppedQueueFull: 'Syslog datagrams dropped because the queue to the bus was full.',
  udpDroppedKernel: 'Syslog datagrams the kernel dropped because the receive buffer was full.',
  udpDroppedEmpty: 'Empty datagrams.',
  tcpConnectionsRefused: 'Syslog connections refused because too many were open.',
  cutMessages: 'Messages longer than the bound, cut into several records.',
  halfMessages: 'Messages whose connection ended in the middle; kept as they were.',
  refusedRecords: 'Records refused by the bus for good.',
  lostAtClose: 'Records taken in but not durable when the program stopped.',
  unreadable: 'Records of the bus written by another version of the program.',
  rejected: 'Matches that could not be correlated and were set aside.',
  correlationEvicted: 'Groups and events dropped by correlations at their bound of memory.',
  correlationLate: 'Matches that came too late to be put in order.',
}

const statusOf: Record<ChildState, ChildFacts['status']> = {
  ready: 'running',
  starting: 'starting',
  down: 'restarting',
}

/** What only the wiring knows of the running program, read anew at every call. */
export function createHealthProbe({ config, store, events, threads, clock }: Parts): HealthProbe {
  const children = [watch('events', events, config.events), watch('state', store, config.state)]
  return {
    startedAt: new Date(clock.now()),
    children: () => children.map((facts) => facts()),
    threads: () =>
      threads.map((thread) => ({
        name: thread.name,
        status: ({ ready: 'running', starting: 'starting', down: 'restarting' } as const)[thread.state()],
        restarts: thread.restarts(),
      })),
    bus: () => [
      busFacts(config, 'raw', 'process', sum(threads, 'process-', 'lag')),
      busFacts(config, 'matches', 'correlation', sum(threads, 'correlate', 'matchesLag')),
      busFacts(config, 'detections', 'correlate', sum(threads, 'correlate', 'lag')),
    ],
    losses: () => losses(threads),
  }
}

/** Follows one store from now on; a fall from `ready` that comes back is a restart. */
function watch(name: string, child: Child, setting: string): () => ChildFacts {
  let restarts = 0
  child.onState((state) => {
    if (state === 'down') restarts++
  })
  return () => ({
    name,
    status: setting === 'embedded' || child.state() !== 'ready' ? statusOf[child.state()] : 'external',
    version: child.version,
    processId: child.pid() ?? null,
    restarts,
    lastError: null,
  })
}

function sum(threads: Thread[], prefix: string, counter: string): number {
  let total = 0
  for (const thread of threads) if (thread.name.startsWith(prefix)) total += thread.stats()[counter] ?? 0
  return total
}

function busFacts(config: Config, topic: string, group: string, lag: number) {
  return { topic, group, lag, bytes: folderBytes(join(config.dataDir, 'bus', topic)), limitBytes: config.busLimitBytes }
}

/** Bytes of all files below a folder; 0 while it does not exist. A file that goes away meanwhile counts nothing. */
function folderBytes(folder: string): number {
  let bytes = 0
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const facts = statSync(join(folder, name), { throwIfNoEntry: false })
      if (facts?.isFile()) bytes += facts.size
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return bytes
}

function losses(threads: Thread[]): LossFacts[] {
  const found: LossFacts[] = []
  for (const [counter, description] of Object.entries(lossDescriptions)) {
    const value = threads.reduce((total, thread) => total + (thread.stats()[counter] ?? 0), 0)
    if (value > 0) found.push({ counter, value, description })
  }
  return found
}
