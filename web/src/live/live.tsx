import { useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from 'react'
import { meKey, useSessionEnded } from '../api/session.tsx'
import { recall, remember } from '../ui/remember.ts'
import { followChange } from './held.ts'

/** What the server says on its stream: a noun changed; enough to ask again, never the thing itself. */
export interface Change {
  noun: string
  id: string
  action: string
}

export type LiveStatus = 'connecting' | 'live' | 'paused' | 'lost'

interface LiveState {
  status: LiveStatus
  paused: boolean
  /** Changes that arrived while paused. */
  waiting: number
  pause(paused: boolean): void
}

const LiveContext = createContext<LiveState | null>(null)

/** Query keys that a change of a noun makes old. */
const keysOf: Record<string, string[]> = {
  incident: ['incidents', 'overview'],
  detection: ['detections', 'overview'],
  exception: ['exceptions'],
  source: ['sources', 'overview'],
  rule: ['rules'],
  indicator: ['indicators'],
  delivery: ['deliveries', 'overview'],
  channel: ['channels'],
  health: ['health', 'overview'],
  run: ['runs', 'analytics'],
  canary: ['canaries'],
}

/** Lists are asked again at once for a first change, and then at most this often, however many arrive. */
const gatherMs = 700
const reopenMs = 5000

/**
 * One stream for the whole client. A change makes the lists that show its noun old, and they are asked again; nothing
 * polls. Pausing holds the screens still and counts what waits.
 */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient()
  const [status, setStatus] = useState<LiveStatus>('connecting')
  const [paused, setPaused] = useState<boolean>(() => recall<boolean>('live.paused') ?? false)
  const [waiting, setWaiting] = useState(0)
  const old = useRef(new Set<string>())
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const pausedNow = useRef(paused)
  pausedNow.current = paused
  const ended = useSessionEnded()

  useEffect(() => {
    if (ended) return setStatus('lost')
    const flush = () => {
      timer.current = old.current.size > 0 ? setTimeout(flush, gatherMs) : undefined
      const keys = [...old.current]
      old.current.clear()
      for (const key of keys) followChange(queries, [key])
    }
    const onChange = (change: Change) => {
      if (pausedNow.current) return setWaiting((count) => count + 1)
      for (const key of keysOf[change.noun] ?? []) old.current.add(key)
      if (timer.current === undefined) flush()
    }
    let stream: EventSource
    let again: ReturnType<typeof setTimeout> | undefined
    const open = () => {
      stream = new EventSource('/api/v1/live')
      stream.onopen = () => setStatus('live')
      stream.onerror = () => {
        setStatus('lost')
        // A browser gives up for good when the answer was no stream (a proxy's 502, a restart); we do not. It does not
        // say which answer it was either: asking who I am tells whether the session has ended.
        if (stream.readyState !== EventSource.CLOSED) return
        again = setTimeout(open, reopenMs)
        void queries.invalidateQueries({ queryKey: meKey, exact: true })
      }
      stream.addEventListener('change', (event: MessageEvent<string>) => {
        const change = parseChange(event.data)
        if (change) onChange(change)
      })
      // Too much was missed to be told one by one: everything on screen may be old.
      stream.addEventListener('resync', () => {
        if (!pausedNow.current) void queries.invalidateQueries()
      })
    }
    open()
    return () => {
      stream.close()
      clearTimeout(again)
      clearTimeout(timer.current)
    }
  }, [queries, ended])

  const state = useMemo<LiveState>(
    () => ({
      status: paused && status === 'live' ? 'paused' : status,
      paused,
      waiting,
      pause: (next) => {
        remember('live.paused', next)
        setPaused(next)
        setWaiting(0)
        if (!next) void queries.invalidateQueries()
      },
    }),
    [status, paused, waiting, queries],
  )
  return <LiveContext value={state}>{children}</LiveContext>
}

export function useLive(): LiveState {
  const state = useContext(LiveContext)
  if (!state) throw new Error('useLive outside LiveProvider')
  return state
}

/** The change a message tells of; undefined when it is not of the form we know. */
function parseChange(data: string): Change | undefined {
  try {
    const value: unknown = JSON.parse(data)
    if (typeof value !== 'object' || value === null || !('noun' in value)) return undefined
    const { noun, id, action } = value as Record<string, unknown>
    return { noun: String(noun), id: String(id ?? ''), action: String(action ?? '') }
  } catch {
    return undefined
  }
}
