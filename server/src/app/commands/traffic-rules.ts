import { loadAnalytics } from '../../detect/analytics/definition.ts'
import { createBehaviourWatch } from '../../detect/behaviour/watch.ts'
import { type SuricataAlert, SuricataEngine } from '../../detect/suricata/engine.ts'
import { isSuricataFile, readSuricataFiles } from '../../detect/suricata/load.ts'
import type { Detection, Event } from '../../event/event.ts'
import type { Inspect } from '../../traffic/inspect.ts'

type Line = Record<string, unknown>

export interface TrafficRules {
  /** Paths of Sigma rules that were named; undefined when none was asked for. */
  sigmaPaths: string[] | undefined
  /** To be given to the sensor; undefined when no rule looks at bytes. */
  inspect: Inspect | undefined
  /** What was found since the last call, and in this event. */
  lines(event?: Event): Line[]
}

/** What looks at traffic beside Sigma rules: files of Suricata rules that were named, and behaviour when no rules were. */
export function openTrafficRules(contentDirs: readonly string[], paths: string[] | undefined): TrafficRules {
  const suricataFiles = (paths ?? []).filter(isSuricataFile)
  const engine = suricataFiles.length > 0 ? loadSuricata(suricataFiles) : undefined
  // Behaviour is our own knowledge: rules that are named are wanted alone.
  const behaviour = paths === undefined ? createBehaviourWatch(loadAnalytics(contentDirs)) : undefined
  const alerts: SuricataAlert[] = []
  return {
    sigmaPaths: paths?.filter((path) => !suricataFiles.includes(path)),
    inspect: engine && ((piece) => void alerts.push(...engine.inspect(piece))),
    lines(event) {
      const found = alerts.splice(0).map(alertLine)
      if (event) for (const { detection } of behaviour?.push([event]) ?? []) found.push(findingLine(detection))
      return found
    },
  }
}

function loadSuricata(files: string[]): SuricataEngine {
  const { rules, refused } = readSuricataFiles(files)
  for (const { file, line, message } of refused) console.error(`${file}:${line}: refused: ${message}`)
  console.error(`${rules.length} Suricata rules are used, ${refused.length} are refused`)
  return new SuricataEngine(rules)
}

function alertLine({ rule, timeMs, seen }: SuricataAlert): Line {
  const hasPorts = seen.sourcePort !== 0 || seen.destinationPort !== 0
  return {
    '@timestamp': new Date(timeMs).toISOString(),
    'event.kind': 'alert',
    'event.dataset': 'match',
    'rule.id': String(rule.sid),
    'rule.title': rule.title,
    'rule.level': rule.level,
    ...(rule.category === undefined ? {} : { 'rule.category': rule.category }),
    'source.ip': seen.source,
    'destination.ip': seen.destination,
    ...(hasPorts ? { 'source.port': seen.sourcePort, 'destination.port': seen.destinationPort } : {}),
    'network.transport': seen.transport,
    ...(seen.protocol === '' ? {} : { 'network.protocol': seen.protocol }),
  }
}

/** What shows over many conversations, with the reasons of its score. */
function findingLine(detection: Detection): Line {
  return {
    '@timestamp': new Date(detection.timeMs).toISOString(),
    'event.kind': 'alert',
    'event.dataset': 'match',
    'rule.id': detection.ruleId,
    'rule.title': detection.ruleTitle,
    'rule.level': detection.severity,
    matched: detection.matched,
  }
}
