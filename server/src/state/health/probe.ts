/** Facts about the running program that only its wiring knows; read anew at every call. */
export interface HealthProbe {
  startedAt: Date
  children(): ChildFacts[]
  threads(): ThreadFacts[]
  bus(): BusFacts[]
  /** Everything that was dropped, evicted or refused since the start. */
  losses(): LossFacts[]
}

export interface ChildFacts {
  name: string
  status: 'starting' | 'running' | 'restarting' | 'stopped' | 'external'
  version: string | null
  processId: number | null
  restarts: number
  lastError: string | null
}

export interface ThreadFacts {
  name: string
  status: 'starting' | 'running' | 'restarting' | 'stopped'
  restarts: number
}

export interface BusFacts {
  topic: string
  group: string
  /** Records published and not yet committed by the group. */
  lag: number
  bytes: number
  limitBytes: number
}

export interface LossFacts {
  counter: string
  value: number
  /** What was lost and why, in a sentence. */
  description: string
}
