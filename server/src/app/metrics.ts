import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { ChildState } from '../seams/child/supervise.ts'
import type { Thread } from './threads.ts'

interface Parts {
  threads: Thread[]
  store: { state(): ChildState }
  events: { state(): ChildState }
}

/** Prometheus text of the program: the process, each thread's counters, whether the stores answer. */
export function createMetrics({ threads, store, events }: Parts): () => Promise<string> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'watchfire_' })
  const registers = [registry]
  const counter = new Gauge({
    name: 'watchfire_thread_counter',
    help: 'Counters of the worker threads since their start, by thread and name.',
    labelNames: ['thread', 'counter'],
    registers,
    collect() {
      for (const thread of threads) {
        for (const [name, value] of Object.entries(thread.stats())) {
          if (typeof value === 'number') this.set({ thread: thread.name, counter: name }, value)
        }
      }
    },
  })
  const up = new Gauge({
    name: 'watchfire_part_up',
    help: '1 when the part answers: stores and threads.',
    labelNames: ['part'],
    registers,
    collect() {
      this.set({ part: 'events' }, events.state() === 'ready' ? 1 : 0)
      this.set({ part: 'state' }, store.state() === 'ready' ? 1 : 0)
      for (const thread of threads) this.set({ part: thread.name }, thread.state() === 'ready' ? 1 : 0)
    },
  })
  void counter
  void up
  return () => registry.metrics()
}
