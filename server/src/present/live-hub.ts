import type { ServerResponse } from 'node:http'
import type { Change } from '../event/change.ts'
import { CodedError } from '../event/errors.ts'
import type { Broadcast } from '../seams/bus/bus.ts'
import type { Clock } from '../seams/clock/clock.ts'
import { type Actor, covers, type Permission } from '../state/actor.ts'

const liveLimits = {
  /** Changes kept for clients that come back. */
  ring: 4096,
  clients: 2000,
  clientsOfOneActor: 50,
  /** Bytes a client may leave unread before it is dropped. */
  unreadBytes: 256 << 10,
  heartbeatMs: 15_000,
} as const

/** Who may hear of a noun. */
const permissionOf: Record<Change['noun'], Permission> = {
  incident: 'incident:read',
  detection: 'detection:read',
  finding: 'detection:read',
  exception: 'detection:read',
  source: 'source:read',
  rule: 'rule:read',
  indicator: 'rule:read',
  asset: 'source:read',
  unit: 'unit:read',
  channel: 'notification:read',
  delivery: 'notification:read',
  health: 'health:read',
  run: 'rule:read',
  canary: 'source:read',
}

interface Client {
  actor: Actor
  response: ServerResponse
  stillKnown: () => Promise<boolean>
}

interface Entry {
  sequence: number
  change: Change
  frame: string
}

/**
 * Sends what changes to everyone who may see it, as server-sent events (WHATWG HTML, section 9.2). Ids are
 * `<start of this hub>-<sequence>`; a client that comes back with one is given what it missed, or told to load all
 * again (`resync`) when that lies beyond the ring or before a restart. A client that reads too slowly is dropped: it
 * comes back by itself and resumes.
 */
export class LiveHub {
  readonly counters = { sent: 0, dropped: 0, refused: 0 }
  readonly #clients = new Set<Client>()
  readonly #ring: Entry[] = []
  readonly #epoch: string
  readonly #stopListening: () => void
  readonly #stop = new AbortController()
  #sequence = 0

  constructor(changes: Broadcast<Change>, clock: Clock) {
    this.#epoch = clock.now().toString(36)
    this.#stopListening = changes.listen((change) => this.#publish(change))
    void this.#beat(clock)
  }

  get clients(): number {
    return this.#clients.size
  }

  /**
   * Takes over the response and streams to it until it ends. `stillKnown` is asked at every heartbeat: a session that
   * was revoked hears no more. Throws RATE_LIMITED at the bound of clients.
   */
  attach(
    actor: Actor,
    response: ServerResponse,
    lastEventId: string | undefined,
    stillKnown: () => Promise<boolean>,
  ): void {
    const own = [...this.#clients].filter((client) => client.actor.id === actor.id && client.actor.kind === actor.kind)
    if (this.#clients.size >= liveLimits.clients || own.length >= liveLimits.clientsOfOneActor) {
      this.counters.refused++
      throw new CodedError('RATE_LIMITED', 'Too many live streams are open', { retryAfterSeconds: 10 })
    }
    const client: Client = { actor, response, stillKnown }
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    this.#clients.add(client)
    response.once('close', () => this.#clients.delete(client))
    response.on('error', () => this.#clients.delete(client))
    this.#send(client, `retry: 2000\n\n${this.#missed(client, lastEventId)}`)
  }

  close(): void {
    this.#stop.abort()
    this.#stopListening()
    for (const client of this.#clients) client.response.end()
    this.#clients.clear()
  }

  #publish(change: Change): void {
    const sequence = ++this.#sequence
    const { noun, id, action, atMs } = change
    const data = JSON.stringify({ noun, id, action, at: new Date(atMs).toISOString() })
    const entry = { sequence, change, frame: `id: ${this.#epoch}-${sequence}\nevent: change\ndata: ${data}\n\n` }
    this.#ring.push(entry)
    if (this.#ring.length > liveLimits.ring) this.#ring.shift()
    for (const client of this.#clients) if (mayHear(client.actor, change)) this.#send(client, entry.frame)
  }

  /** Frames after the given id, or the order to load everything again. Always names the place to resume from. */
  #missed(client: Client, lastEventId: string | undefined): string {
    const here = `id: ${this.#epoch}-${this.#sequence}\n`
    if (lastEventId === undefined) return `${here}event: ready\ndata: {}\n\n`
    const [epoch, text] = lastEventId.split('-')
    const last = Number(text)
    const oldest = this.#sequence - this.#ring.length
    if (epoch !== this.#epoch || !Number.isInteger(last) || last < oldest || last > this.#sequence) {
      return `${here}event: resync\ndata: {}\n\n`
    }
    const missed = this.#ring.filter((entry) => entry.sequence > last && mayHear(client.actor, entry.change))
    return `${missed.map((entry) => entry.frame).join('')}${here}event: ready\ndata: {}\n\n`
  }

  #send(client: Client, frame: string): void {
    const { response } = client
    if (response.writableLength > liveLimits.unreadBytes) {
      this.counters.dropped++
      this.#clients.delete(client)
      response.destroy()
      return
    }
    response.write(frame)
    this.counters.sent++
  }

  async #beat(clock: Clock): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await clock.sleep(liveLimits.heartbeatMs, signal).catch(() => undefined)
      for (const client of [...this.#clients]) {
        // A store that is away ends no streams; only a clear no does.
        const known = await client.stillKnown().catch(() => true)
        if (known) this.#send(client, ': still here\n\n')
        else client.response.end()
      }
    }
  }
}

function mayHear(actor: Actor, change: Change): boolean {
  if (!actor.permissions.has(permissionOf[change.noun])) return false
  return change.unitPath === undefined || covers(actor, change.unitPath)
}
