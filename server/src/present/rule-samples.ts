import type { Config } from '../config/config.ts'
import { shippedContentDir } from '../config/content-dir.ts'
import { createDetector, type Detector } from '../detect/detect.ts'
import { type Lookups, loadLookups } from '../detect/sigma/logsource.ts'
import { parseSigma } from '../detect/sigma/parse.ts'
import { compileRuleSet } from '../detect/sigma/ruleset.ts'
import type { Event } from '../event/event.ts'
import { loadParsers } from '../normalise/load.ts'
import { createNormaliser } from '../normalise/normalise.ts'
import type { Parser } from '../normalise/parser.ts'
import type { RuleEntry } from './rule-book.ts'

interface Prepared {
  detector: Detector
  events: Event[]
  /** Fields taken away -> whether it still fired. */
  answers: Map<string, boolean>
}

const sample = { receivedAtMs: 0, transport: 'file' as const, sender: 'sample', source: '' }

/**
 * Whether a rule fires on its own firing samples when some fields are taken away: what it needs is found by trying, since a
 * condition may do with one of several fields. Samples are parsed and the rule compiled once.
 */
export class RuleSamples {
  readonly #lookups: Lookups
  readonly #parsers: readonly Parser[]
  /** By the entry itself, so that an edited rule is tried anew. */
  readonly #prepared = new WeakMap<RuleEntry, Prepared | 'none'>()

  constructor(config: Pick<Config, 'contentDir'>) {
    const folders = [shippedContentDir(), ...(config.contentDir ? [config.contentDir] : [])]
    this.#lookups = loadLookups(folders[0]!)
    this.#parsers = loadParsers(folders).parsers
  }

  /** Undefined for a rule that has no samples, or is no rule on single events. */
  fires(rule: RuleEntry, without: readonly string[], nowMs: number): boolean | undefined {
    const prepared = this.#prepare(rule, nowMs)
    if (prepared === 'none') return undefined
    const key = [...without].sort().join('\n')
    const known = prepared.answers.get(key)
    if (known !== undefined) return known
    const events = prepared.events.map((event) => {
      const fields = { ...event.fields }
      for (const field of without) delete fields[field]
      return { ...event, fields }
    })
    const answer = prepared.detector.detect(events).some(({ ruleId }) => ruleId === rule.id)
    prepared.answers.set(key, answer)
    return answer
  }

  #prepare(rule: RuleEntry, nowMs: number): Prepared | 'none' {
    const known = this.#prepared.get(rule)
    if (known) return known
    const isTried = rule.samples.fires.length > 0 && rule.kind === 'detection'
    const prepared = isTried ? this.#build(rule, nowMs) : 'none'
    this.#prepared.set(rule, prepared)
    return prepared
  }

  #build(rule: RuleEntry, nowMs: number): Prepared {
    const detector = createDetector(compileRuleSet([parseSigma(rule.yaml, rule.id)]), { lookups: this.#lookups })
    const events = rule.samples.fires.flatMap(({ parser, lines }) => {
      const placed = lines.map((line, offset) => ({
        ...{ partition: 0, offset },
        record: { ...sample, receivedAtMs: nowMs, body: Buffer.from(line) },
      }))
      return createNormaliser(this.#parsers, { zone: 'UTC' }).normalise(placed, new Map([['file:sample', { parser }]]))
        .events
    })
    return { detector, events, answers: new Map() }
  }
}
