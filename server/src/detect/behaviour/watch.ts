import type { Detection, Event, FieldValue } from '../../event/event.ts'
import { BoundedMap } from '../../lib/bounded-map.ts'
import { isPrivateIp } from '../../lib/ip-address.ts'
import type { Analytic } from '../analytics/definition.ts'
import { scoredDetection } from '../analytics/detection.ts'
import { fewestCalls } from './beacon.ts'
import { carriesData, fewestQueries, splitName } from './dns-tunnel.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000
/** Pairs of hosts, and hosts with a domain, that are followed at once; the longest untouched give way. */
const pairsLimit = 40_000
const domainsLimit = 20_000
/** Calls kept of a pair: the newest. */
const callsHeld = 256
const namesHeld = 4_096
const callersHeld = 64
const hostsHeld = 100_000
const evidenceHeld = 16
/** How much farther a pair must have come before it is judged again, so that its cost does not grow with its length. */
const growth = 1.25

/** Records of conversations, whoever watched. */
const flowSets = new Set(['flow', 'zeek.conn', 'suricata.flow', 'netflow.flow'])
const httpSets = new Set(['http', 'zeek.http', 'suricata.http'])
const dnsSets = new Set(['dns', 'zeek.dns', 'suricata.dns'])
/** Services that ask in a rhythm by their nature: names, time, addresses, neighbours, management. */
const rhythmicPorts = new Set([53, 67, 68, 123, 137, 138, 161, 1900, 5353, 5355])

/** Names that systems ask for in a rhythm to see whether they are connected, as their makers document them. */
const connectivityChecks = new Set([
  'connectivity-check.ubuntu.com', 'www.msftconnecttest.com', 'www.msftncsi.com', 'captive.apple.com', 'connectivitycheck.gstatic.com',
  'detectportal.firefox.com', 'network-test.debian.org', 'nmcheck.gnome.org', 'connectivitycheck.platform.hicloud.com', 'connect.rom.miui.com',
  'connectivity.zorin-os.com', 'conncheck.opensuse.org', 'ping.archlinux.org',
]) // biome-ignore format: a list

interface Pair {
  timesMs: number[]
  sentBytes: number[]
  eventIds: string[]
  seen: number
  judgeAt: number
}

interface Names {
  fromMs: number
  toMs: number
  queries: number
  judgeAt: number
  letters: number
  letterCounts: Uint32Array
  names: Set<string>
  carryingTypes: number
  answers: number
  listAnswers: number
  eventIds: string[]
}

interface Scope {
  fromMs: number
  /** Destination -> hosts that called it. */
  callers: BoundedMap<string, Set<string>>
  hosts: Set<string>
}

export interface BehaviourWatch {
  /** Looks at events in the order in which they come; findings as detections, each once a day. */
  push(events: readonly Event[]): { event: Event; detection: Detection }[]
  counters(): { pairsEvicted: number; domainsEvicted: number }
}

/**
 * What shows only over many conversations: calls in a rhythm, names that carry data, pings that carry data. Windows slide over
 * event time (a day for calls, an hour for names); memory is bounded, and what gives way is counted. The same scores run over history
 * (content/analytics with `score`), with the same ids.
 */
export function createBehaviourWatch(
  analytics: readonly Analytic[],
  enabled: (ruleId: string) => boolean = () => true,
): BehaviourWatch {
  const byScore = new Map(
    analytics.flatMap((analytic) => (analytic.score ? [[analytic.score, analytic] as const] : [])),
  )
  const pairs = new BoundedMap<string, Pair>(pairsLimit)
  const domains = new BoundedMap<string, Names>(domainsLimit)
  const scopes = new BoundedMap<string, Scope>(1_024)
  /** Hosts with the address where they look whether they are connected: the flows behind it have no name. */
  const checks = new BoundedMap<string, true>(domainsLimit)
  const told = new BoundedMap<string, true>(100_000)

  function judge(
    score: NonNullable<Analytic['score']>,
    event: Event,
    groupKey: string,
    eventIds: string[],
    row: Record<string, unknown>,
  ) {
    const analytic = byScore.get(score)
    if (!analytic || !enabled(analytic.id)) return undefined
    const detection = scoredDetection(analytic, {
      ...{ unit_path: event.unitPath, source_key: event.sourceKey, group_key: groupKey, time_ms: event.timeMs },
      ...{ event_ids: eventIds, ...row },
    })
    if (!detection || told.get(detection.id)) return undefined
    told.set(detection.id, true)
    return detection
  }

  function call(
    kind: 'flow' | 'http',
    event: Event,
    source: string,
    destination: string,
    port: FieldValue | undefined,
    sentBytes: number,
  ) {
    if (checks.get(`${source}|${destination}`)) return undefined
    const scope = scopeOf(event)
    let callers = scope.callers.get(destination)
    if (!callers) {
      callers = new Set()
      scope.callers.set(destination, callers)
    }
    if (callers.size < callersHeld) callers.add(source)
    if (scope.hosts.size < hostsHeld) scope.hosts.add(source)
    const groupKey = `${source}|${destination}|${port ?? ''}`
    // A request within a connection and the connection are two rhythms.
    const key = `${event.unitPath}|${kind}|${groupKey}`
    let pair = pairs.get(key)
    if (!pair) {
      pair = { timesMs: [], sentBytes: [], eventIds: [], seen: 0, judgeAt: fewestCalls }
      pairs.set(key, pair)
    }
    pair.timesMs.push(event.timeMs)
    pair.sentBytes.push(sentBytes)
    pair.eventIds.push(event.id)
    pair.seen++
    if (pair.eventIds.length > evidenceHeld) pair.eventIds.shift()
    if (pair.timesMs.length > 2 * callsHeld) {
      pair.timesMs = pair.timesMs.slice(-callsHeld)
      pair.sentBytes = pair.sentBytes.slice(-callsHeld)
    }
    if (pair.seen < pair.judgeAt) return undefined
    pair.judgeAt = Math.ceil(pair.seen * growth)
    const fromMs = Math.max(scope.fromMs, event.timeMs - dayMs)
    const recent = pair.timesMs.findIndex((timeMs) => timeMs >= fromMs)
    if (recent > 0) {
      pair.timesMs = pair.timesMs.slice(recent)
      pair.sentBytes = pair.sentBytes.slice(recent)
    }
    if (recent < 0 || pair.timesMs.length < fewestCalls) return undefined
    return judge('beacon', event, groupKey, [...pair.eventIds], {
      ...{ 'source.ip': source, 'destination.ip': destination, 'destination.port': port ?? null },
      ...{ times: pair.timesMs, sizes: pair.sentBytes, from_ms: fromMs, to_ms: event.timeMs },
      ...{ callers: callers.size, hosts: scope.hosts.size },
    })
  }

  function scopeOf({ unitPath, timeMs }: Event): Scope {
    let scope = scopes.get(unitPath)
    if (!scope) {
      scope = { fromMs: timeMs, callers: new BoundedMap(pairsLimit), hosts: new Set() }
      scopes.set(unitPath, scope)
    }
    // A capture of another time begins anew.
    if (timeMs < scope.fromMs) scope.fromMs = timeMs
    return scope
  }

  function flow(event: Event) {
    const { fields } = event
    const source = fields['source.ip']
    const destination = fields['destination.ip']
    if (typeof source !== 'string' || typeof destination !== 'string') return undefined
    if (fields['traffic.icmp.requests'] !== undefined) return echoes(event, source, destination)
    const port = fields['destination.port']
    if (port === undefined || rhythmicPorts.has(Number(port)) || isPrivateIp(destination)) return undefined
    return call(
      'flow',
      event,
      source,
      destination,
      port,
      Number(fields['zeek.orig_bytes'] ?? fields['source.bytes'] ?? 0),
    )
  }

  function request(event: Event) {
    const { fields } = event
    const source = fields['source.ip']
    const destination = fields['destination.ip']
    if (typeof source !== 'string' || typeof destination !== 'string' || isPrivateIp(destination)) return undefined
    if (connectivityChecks.has(String(fields['url.domain'] ?? ''))) {
      checks.set(`${source}|${destination}`, true)
      return undefined
    }
    const sent = Number(fields['http.request.body.bytes'] ?? 0) + String(fields['url.original'] ?? '').length
    return call('http', event, source, destination, fields['destination.port'], sent)
  }

  function echoes(event: Event, source: string, destination: string) {
    const row: Record<string, unknown> = { 'source.ip': source, 'destination.ip': destination }
    for (const name of ['requests', 'replies', 'unlike_replies', 'lengths', 'longest', 'entropy', 'change'])
      row[name] = Number(event.fields[`traffic.icmp.${name}`] ?? 0)
    return judge('icmp_channel', event, `${source}|${destination}`, [event.id], row)
  }

  function lookup(event: Event) {
    const { fields, timeMs } = event
    const source = fields['source.ip']
    const name = fields['dns.question.name']
    if (typeof source !== 'string' || typeof name !== 'string') return undefined
    const parts = splitName(name)
    if (!parts || parts.domain.endsWith('.arpa')) return undefined
    const { domain, below } = parts
    const groupKey = `${source}|${domain}`
    const key = `${event.unitPath}|${groupKey}`
    let names = domains.get(key)
    if (!names || timeMs - names.fromMs > hourMs) {
      names = newNames(timeMs)
      domains.set(key, names)
    }
    names.toMs = Math.max(names.toMs, timeMs)
    const type = fields['dns.type']
    if (type !== 'query') countAnswer(names, fields['dns.resolved_ip'] ?? fields['dns.answers.data'])
    if (type === 'answer') return undefined
    countName(names, below, String(fields['dns.question.type'] ?? ''))
    if (names.eventIds.length < evidenceHeld) names.eventIds.push(event.id)
    if (names.queries < names.judgeAt) return undefined
    names.judgeAt = Math.ceil(names.queries * growth)
    return judge('dns_tunnel', event, groupKey, [...names.eventIds], {
      ...{ 'source.ip': source, 'dns.question.name': domain, queries: names.queries, unique_names: names.names.size },
      ...{ letters: names.letters, letter_counts: [...names.letterCounts], carrying_types: names.carryingTypes },
      ...{ list_answers: names.listAnswers, answers: names.answers, span_ms: names.toMs - names.fromMs },
    })
  }

  return {
    push(events) {
      const found: { event: Event; detection: Detection }[] = []
      for (const event of events) {
        const dataset = event.fields['event.dataset']
        if (typeof dataset !== 'string') continue
        const detection = flowSets.has(dataset)
          ? flow(event)
          : dnsSets.has(dataset)
            ? lookup(event)
            : httpSets.has(dataset)
              ? request(event)
              : undefined
        if (detection) found.push({ event, detection })
      }
      return found
    },
    counters: () => ({ pairsEvicted: pairs.evictions, domainsEvicted: domains.evictions }),
  }
}

function newNames(timeMs: number): Names {
  return {
    ...{ fromMs: timeMs, toMs: timeMs, queries: 0, judgeAt: fewestQueries, letters: 0, carryingTypes: 0 },
    ...{ letterCounts: new Uint32Array(128), names: new Set(), answers: 0, listAnswers: 0, eventIds: [] },
  }
}

function countName(names: Names, below: string, type: string): void {
  names.queries++
  if (names.names.size < namesHeld) names.names.add(below.length > 64 ? below.slice(0, 64) + below.length : below)
  if (carriesData(type)) names.carryingTypes++
  for (let at = 0; at < below.length; at++) {
    const code = below.charCodeAt(at)
    if (code === 46) continue
    names.letters++
    names.letterCounts[code & 127]!++
  }
}

function countAnswer(names: Names, data: FieldValue | undefined): void {
  const first = Array.isArray(data) ? data[0] : data
  names.answers++
  if (typeof first === 'string' && first.startsWith('127.')) names.listAnswers++
}
