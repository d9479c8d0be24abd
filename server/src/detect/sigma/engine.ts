import type { Event, MatchedField } from '../../event/event.ts'
import type { CompiledRule } from './compile.ts'
import type { Logsource } from './document.ts'
import {
  compatible,
  entriesOf,
  type FieldView,
  type LogsourceEntry,
  type Lookups,
  routeOf,
  viewsFor,
} from './logsource.ts'
import { Plan, type PlannedRule } from './plan.ts'
import {
  allValues,
  eventNames,
  eventReader,
  eventValues,
  type FieldAccess,
  type JsonRecord,
  messageText,
  recordNames,
  recordReader,
} from './reader.ts'
import type { SourceShape } from './record-index.ts'
import type { RuleSet } from './ruleset.ts'
import { CacheBudget } from './value-cache.ts'

/** One rule that matched one record. */
export interface RuleMatch {
  rule: CompiledRule
  /** The fields and values that made it match; computed when asked. */
  explain(): MatchedField[]
  /** Value of a field by the name the rule uses; undefined when the record has none. */
  read(field: string): unknown
}

/** Plans kept for combinations of log sources; senders choose these values, so the number is bounded. */
const planLimit = 512
const routeLimit = 8192
/** Values whose findings are remembered, over all plans; about 30 MB. */
const valueLimit = 100_000

/**
 * Matches records against a rule set. Stateless between records: any number of engines may share the work. Rules whose
 * id is not `enabled` are not matched.
 */
export class SigmaEngine {
  readonly ruleSet: RuleSet
  readonly lookups: Lookups
  private readonly rules: CompiledRule[]
  private readonly recordPlans = new Map<string, Plan<JsonRecord>>()
  /** Records of one kind mostly come together. */
  private lastPlan: (Logsource & { plan: Plan<JsonRecord> }) | undefined
  private readonly eventPlans = new Map<string, { entries: LogsourceEntry[]; plan: Plan<Event> }>()
  private readonly budget = new CacheBudget(valueLimit)
  private readonly routes = new Map<string, Plan<Event>>()

  constructor(ruleSet: RuleSet, lookups: Lookups, enabled: (ruleId: string) => boolean = () => true) {
    this.ruleSet = ruleSet
    this.lookups = lookups
    this.rules = ruleSet.rules.filter((rule) => enabled(rule.document.id))
  }

  /** Matches a record of a declared logsource by its own field names. */
  matchRecord(record: JsonRecord, logsource: Logsource): RuleMatch[] {
    return matches(this.recordPlan(logsource), record)
  }

  /** Matches a normalised event: its kind is recognised by the logsource table, its fields are read through the views. */
  matchEvent(event: Event): RuleMatch[] {
    return matches(this.eventPlan(event), event)
  }

  /** Rules whose condition was evaluated per record so far, over all plans: how well the index does. */
  evaluatedPerRecord(): number {
    let evaluated = 0
    let records = 0
    const eventPlans = [...this.eventPlans.values()].map(({ plan }) => plan)
    for (const plan of [...this.recordPlans.values(), ...eventPlans]) {
      evaluated += plan.evaluated
      records += plan.records
    }
    return records === 0 ? 0 : evaluated / records
  }

  private recordPlan(logsource: Logsource): Plan<JsonRecord> {
    const { product, category, service } = logsource
    const { lastPlan } = this
    if (lastPlan && lastPlan.product === product && lastPlan.category === category && lastPlan.service === service)
      return lastPlan.plan
    const key = `${product ?? ''}\u0000${category ?? ''}\u0000${service ?? ''}`
    const plan = remember(this.recordPlans, key, planLimit, () => {
      const rules = this.rules.filter((rule) => compatible(rule.document.logsource, logsource, this.lookups))
      return new Plan(
        rules.map((rule): PlannedRule<JsonRecord> => ({ rule, accessTo: recordAccess })),
        recordShape,
        this.budget,
      )
    })
    this.lastPlan = { product, category, service, plan }
    return plan
  }

  private eventPlan(event: Event): Plan<Event> {
    return remember(this.routes, routeOf(event, this.lookups), routeLimit, () => {
      const entries = entriesOf(event, this.lookups)
      return this.planFor(entries)
    })
  }

  private planFor(entries: LogsourceEntry[]): Plan<Event> {
    const key = JSON.stringify(
      entries.map(({ product, category, service, view }) => [product, category, service, view]),
    )
    return remember(this.eventPlans, key, planLimit, () => ({
      entries,
      plan: new Plan(this.plannedRules(entries), eventShape, this.budget),
    })).plan
  }

  /** Builds the plans that another engine has come to need, one at a step, so that no event waits for all of them. */
  *prepareLike(other: SigmaEngine): Generator<void> {
    for (const { entries } of [...other.eventPlans.values()]) {
      this.planFor(entries)
      yield
    }
  }

  /** Every rule once for each distinct view under which it is meant; rules without a log source of ours never apply. */
  private plannedRules(entries: LogsourceEntry[]): PlannedRule<Event>[] {
    const planned: PlannedRule<Event>[] = []
    for (const rule of this.rules) {
      for (const name of viewsFor(rule.document.logsource, entries)) {
        planned.push({ rule, accessTo: eventAccess(this.lookups.views.get(name)!) })
      }
    }
    return planned
  }
}

/** How rules get at the fields of normalised events through a view. */
export function eventAccess(view: FieldView): (field: string | undefined) => FieldAccess<Event> {
  return (field) =>
    field === undefined
      ? { key: '', reader: eventValues, names: undefined }
      : { key: `${view.name}\u0000${field}`, reader: eventReader(field, view), names: eventNames(field, view) }
}

export function recordAccess(field: string | undefined): FieldAccess<JsonRecord> {
  if (field === undefined) return { key: '', reader: allValues, names: undefined }
  return { key: ` ${field}`, reader: recordReader(field), names: recordNames(field) }
}

const recordShape: SourceShape<JsonRecord> = { fieldsOf: (record) => record, extraText: () => undefined }
const eventShape: SourceShape<Event> = { fieldsOf: (event) => event.fields, extraText: messageText }

function matches<Source>(plan: Plan<Source>, source: Source): RuleMatch[] {
  const indexes = plan.match(source)
  if (indexes.length === 0) return none
  const found: RuleMatch[] = []
  let last: CompiledRule | undefined
  for (const index of indexes) {
    const { rule } = plan.rules[index]!
    // One rule may stand under several views, side by side: it matches once.
    if (rule !== last) found.push(new PlanMatch(rule, plan, index, source))
    last = rule
  }
  return found
}

class PlanMatch<Source> implements RuleMatch {
  readonly rule: CompiledRule
  private readonly plan: Plan<Source>
  private readonly index: number
  private readonly source: Source

  constructor(rule: CompiledRule, plan: Plan<Source>, index: number, source: Source) {
    this.rule = rule
    this.plan = plan
    this.index = index
    this.source = source
  }

  explain(): MatchedField[] {
    return this.plan.explain(this.index, this.source)
  }

  read(field: string): unknown {
    return this.plan.rules[this.index]!.accessTo(field).reader(this.source)
  }
}

const none: RuleMatch[] = []

function remember<Value>(cache: Map<string, Value>, key: string, limit: number, create: () => Value): Value {
  let value = cache.get(key)
  if (value === undefined) {
    if (cache.size >= limit) cache.delete(cache.keys().next().value!)
    value = create()
    cache.set(key, value)
  }
  return value
}
