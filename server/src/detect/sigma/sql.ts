import { coreFieldByName } from '../../event/catalogue.ts'
import { CodedError } from '../../event/errors.ts'
import { columnOf } from '../../seams/events/columns.ts'
import type { CompiledRule } from './compile.ts'
import { type FieldView, fieldSource, type LogsourceEntry, type Lookups, selects } from './logsource.ts'
import { anyText, hasSigma, type Pattern } from './pattern.ts'
import type { DatePart, Expression, FieldTest, Predicate, RegexFlags, TextOperator } from './predicate.ts'

export interface RuleSql {
  /** Goes before SELECT: what the condition refers to; empty when it refers to nothing. */
  with: string
  /** Goes behind WHERE. */
  where: string
  /** Where its answer may differ from the stream's, and why. */
  limits: readonly string[]
}

const limits: readonly string[] = [
  'lists in lists are not opened',
  "letters beyond ASCII are lower-cased by the database, which knows fewer than Unicode's special cases (İ)",
]

/**
 * The second compiler: the same rule as a condition over the table of events (ClickHouse). It reads fields through the same
 * views as the stream and gives the same answer but for its `limits`; the differential test holds both to it. Throws
 * RULE_INVALID where a field has no SQL, naming it.
 */
export function ruleSql(rule: CompiledRule, lookups: Lookups): RuleSql {
  const { bindings, branches } = ruleBranches(rule, [], lookups)
  return { with: bindings === '' ? '' : `WITH ${bindings}`, where: or(branches.map(({ where }) => where)), limits }
}

/** A rule with its fields read through views that read them alike. */
interface RuleBranch {
  where: string
  /** The fields asked for, as texts of type Nullable(String). */
  values: string[]
}

/**
 * The conditions of a rule, one for each way its fields are read, in the order in which the stream tries them, with the `fields`
 * by which correlations group and count; and what the conditions refer to.
 */
export function ruleBranches(
  rule: CompiledRule,
  fields: readonly (string | undefined)[],
  lookups: Lookups,
): { bindings: string; branches: RuleBranch[] } {
  const entries = lookups.logsources.filter((entry) => selects(rule.document.logsource, entry))
  const byView = new Map<string, string[]>()
  for (const entry of entries) byView.set(entry.view, [...(byView.get(entry.view) ?? []), entrySql(entry)])
  const named = [...byView].filter(([name]) => name !== 'default').flatMap(([, conditions]) => conditions)
  const implicit = implicitSql(rule.document.logsource)
  if (implicit) byView.set('default', implicit === '1' ? ['1'] : [...(byView.get('default') ?? []), implicit])
  const names = new Map<string, string>()
  const byReading = new Map<string, { expression: string; values: string[]; views: string[] }>()
  for (const name of byView.keys()) {
    const view = lookups.views.get(name)!
    const expression = expressionSql(rule.expression, new Places(view, names))
    const values = fields.map((field) => (field === undefined ? absent : valueSql(field, view)))
    const key = [expression, ...values].join('\u0000')
    const reading = byReading.get(key) ?? { expression, values, views: [] }
    reading.views.push(name)
    byReading.set(key, reading)
  }
  const branches = [...byReading.values()].map(({ expression, values, views }): RuleBranch => {
    const conditions = views.map((name) => {
      const own = or(byView.get(name)!)
      // A named view goes before the default one, as in the stream.
      return name === 'default' && named.length > 0 && byReading.size > 1 ? `(${own} AND NOT ${or(named)})` : own
    })
    return { where: `(${conditions.includes('1') ? '1' : or(conditions)} AND ${expression})`, values }
  })
  return { bindings: [...names].map(([expression, name]) => `${expression} AS ${name}`).join(', '), branches }
}

export const absent = "CAST(NULL, 'Nullable(String)')"

/**
 * The one text by which correlations group and count a field, of type Nullable(String): the field as the event has it, else
 * as the view reads it; several values are their JSON text; NULL when there is none.
 */
function valueSql(field: string, view: FieldView): string {
  const { from, transform } = envelope.has(field) ? { from: [field], transform: undefined } : fieldSource(field, view)
  const plain = (name: string) => {
    const column = columnOf(name)
    if (column === undefined) return jsonValue(name)
    const core = coreFieldByName.get(name)
    if (!core) return `toNullable(${columnTexts(name, column)}[1])`
    const texts = columnTexts(name, column)
    return `ifNull(${core.array ? listValue(texts) : `if(empty(${texts}), NULL, ${texts}[1])`}, ${jsonValue(name)})`
  }
  const read =
    transform === undefined
      ? from.map(plain)
      : [listValue(transformSql(transform, firstFilled(from.map(fieldTexts)), from, field))]
  return `coalesce(${[...new Set([plain(field), ...read])].join(', ')})`
}

/** An array of texts as one text. */
function listValue(texts: string): string {
  // Slashes are not escaped in the JSON of the stream.
  const list = `concat('[', arrayStringConcat(arrayMap(m -> replaceAll(toJSONString(m), '\\\\/', '/'), ${texts}), ','), ']')`
  return `multiIf(empty(${texts}), NULL, length(${texts}) = 1, ${texts}[1], ${list})`
}

/** A field that lies in `extra` as one text. */
function jsonValue(field: string): string {
  const json = `extra[${quoted(field)}]`
  const members = `JSONExtractArrayRaw(${json})`
  const text = (raw: string) => `if(startsWith(${raw}, '"'), JSONExtractString(${raw}), ${raw})`
  return `multiIf(${json} IN ('', 'null', '[]', '[null]'), NULL, NOT startsWith(${json}, '['), ${text(json)}, length(${members}) = 1, ${text(`${members}[1]`)}, ${json})`
}

const firstFilled = (texts: readonly string[]) =>
  texts.length === 1 ? texts[0]! : `arrayFirst(a -> notEmpty(a), [${texts.join(', ')}])`

/** The fields of a rule under one view; equal places share a name. */
class Places {
  private readonly view: FieldView
  private readonly names: Map<string, string>

  constructor(view: FieldView, names: Map<string, string>) {
    this.view = view
    this.names = names
  }

  get(field: string | undefined): Place {
    const place = field === undefined ? wholePlace() : placeOf(field, this.view)
    let name = this.names.get(place.texts)
    if (name === undefined) {
      name = `sigma_texts_${this.names.size}`
      this.names.set(place.texts, name)
    }
    return { texts: name, present: place.present }
  }
}

export const or = (parts: readonly string[]) =>
  parts.length === 0 ? '0' : parts.length === 1 ? parts[0]! : `(${parts.join(' OR ')})`
export const and = (parts: readonly string[]) =>
  parts.length === 0 ? '1' : parts.length === 1 ? parts[0]! : `(${parts.join(' AND ')})`

/** A text as an SQL literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`
}

function entrySql({ when }: LogsourceEntry): string {
  return and(
    [...when].map(([field, values]) => {
      const list = [...values].map(quoted).join(', ')
      const core = coreFieldByName.get(field)
      // The plain column serves nearly always, and an index; a value it cannot hold lies in the map.
      if (core && !core.array && (core.type === 'keyword' || core.type === 'text'))
        return `lower(${columnOf(field)}) IN (${list})`
      return `arrayExists(x -> lowerUTF8(x) IN (${list}), ${fieldTexts(field)})`
    }),
  )
}

/** `event.module` P and `event.dataset` P.S or S. */
function implicitSql({ product, category, service }: CompiledRule['document']['logsource']): string | undefined {
  if (category !== undefined) return undefined
  if (product === undefined && service === undefined) return '1'
  const module = 'lowerUTF8(event_module)'
  const dataset = `if(startsWith(event_dataset, concat(event_module, '.')), substring(event_dataset, length(event_module) + 2), event_dataset)`
  const parts = ["event_module != ''"]
  if (product !== undefined) parts.push(`${module} = ${quoted(product)}`)
  if (service !== undefined) parts.push(`lowerUTF8(${dataset}) = ${quoted(service)}`)
  return and(parts)
}

/** Where the values of a Sigma field are found. */
interface Place {
  /** Expression of type Array(String): the texts of all values that are not null. */
  texts: string
  present: string
}

function expressionSql(expression: Expression, places: Places): string {
  switch (expression.kind) {
    case 'part':
      return expressionSql(expression.child, places)
    case 'not':
      return `NOT ${expressionSql(expression.child, places)}`
    case 'test':
      return testSql(expression.test, places)
    default: {
      const parts = expression.children.map((child) => expressionSql(child, places))
      return expression.kind === 'and' ? and(parts) : or(parts)
    }
  }
}

function testSql({ field, predicates }: FieldTest, places: Places): string {
  const place = places.get(field)
  const parts: string[] = []
  for (const cased of [false, true]) {
    const texts = predicates.filter(
      (predicate) => predicate.kind === 'text' && predicate.cased === cased,
    ) as (Predicate & { kind: 'text' })[]
    const greek = texts.filter(({ text }) => !cased && hasSigma(text))
    const plain = texts.filter((predicate) => !greek.includes(predicate))
    if (plain.length > 0) parts.push(some(place, (text) => textsSql(plain, cased ? text : `lowerUTF8(${text})`)))
    if (greek.length > 0) parts.push(some(place, (text) => textsSql(greek, levelled(text))))
  }
  for (const predicate of predicates) if (predicate.kind !== 'text') parts.push(predicateSql(predicate, place, places))
  return or(parts)
}

const levelled = (text: string) => `replaceAll(lowerUTF8(${text}), 'ς', 'σ')`

/** True when any text of the place passes. */
function some({ texts }: Place, test: (text: string) => string): string {
  return `arrayExists(x -> ${test('x')}, ${texts})`
}

/** Needles of `multiSearchAny` are limited to 255. */
const searchLimit = 255

function textsSql(predicates: readonly (Predicate & { kind: 'text' })[], text: string): string {
  const of = (operator: TextOperator) =>
    predicates.filter((predicate) => predicate.operator === operator).map((predicate) => predicate.text)
  const parts: string[] = []
  const equals = of('equals')
  if (equals.length > 0) parts.push(`${text} IN (${equals.map(quoted).join(', ')})`)
  for (const needle of of('startswith')) parts.push(`startsWith(${text}, ${quoted(needle)})`)
  for (const needle of of('endswith')) parts.push(`endsWith(${text}, ${quoted(needle)})`)
  const contains = of('contains')
  if (contains.length === 1) parts.push(`position(${text}, ${quoted(contains[0]!)}) > 0`)
  else {
    for (let i = 0; i < contains.length; i += searchLimit) {
      parts.push(
        `multiSearchAny(${text}, [${contains
          .slice(i, i + searchLimit)
          .map(quoted)
          .join(', ')}])`,
      )
    }
  }
  return or(parts)
}

const numberPattern = '^[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$'
const comparisons = { lt: '<', lte: '<=', gt: '>', gte: '>=', equals: '=' }

function predicateSql(predicate: Predicate, place: Place, places: Places): string {
  switch (predicate.kind) {
    case 'text':
      return some(place, (text) => textsSql([predicate], text))
    case 'pattern': {
      const { pattern, cased } = predicate
      const greek = pattern.some((part) => typeof part === 'string' && hasSigma(part))
      return some(
        place,
        (text) =>
          `match(${cased ? text : greek ? levelled(text) : `lowerUTF8(${text})`}, ${quoted(patternRegex(pattern))})`,
      )
    }
    case 'regex':
      return some(place, (text) => `match(${text}, ${quoted(regexText(predicate.pattern, predicate.flags))})`)
    case 'cidr': {
      const check = predicate.network.bytes.length === 4 ? 'isIPv4String' : 'isIPv6String'
      return some(
        place,
        (text) =>
          `if(${check}(${text}), isIPAddressInRange(if(${check}(${text}), ${text}, '::'), ${quoted(predicate.text)}), 0)`,
      )
    }
    case 'compare':
      return some(
        place,
        (text) =>
          `(match(${text}, ${quoted(numberPattern)}) AND ifNull(toFloat64OrNull(${text}) ${comparisons[predicate.operator]} ${predicate.number}, 0))`,
      )
    case 'date':
      return some(
        place,
        (text) =>
          `ifNull(${datePartSql(text, predicate.part)} ${comparisons[predicate.operator]} ${predicate.number}, 0)`,
      )
    case 'field': {
      const other = places.get(predicate.field)
      const form = (text: string) => (predicate.cased ? text : `lowerUTF8(${text})`)
      const tests: Record<TextOperator, string> = {
        equals: `${form('x')} = ${form('y')}`,
        startswith: `startsWith(${form('x')}, ${form('y')})`,
        endswith: `endsWith(${form('x')}, ${form('y')})`,
        contains: `position(${form('x')}, ${form('y')}) > 0`,
      }
      return some(place, () => `arrayExists(y -> ${tests[predicate.operator]}, ${other.texts})`)
    }
    case 'null':
      return `empty(${place.texts})`
    case 'any':
      return `notEmpty(${place.texts})`
    case 'exists':
      return predicate.expected ? place.present : `NOT ${place.present}`
  }
}

/** A Sigma pattern as RE2: `?` is one code point, both wildcards match line breaks. */
function patternRegex(pattern: Pattern): string {
  const source = pattern.map((part) => (typeof part === 'string' ? quoteRegex(part) : part === anyText ? '.*' : '.'))
  return `(?s)^${source.join('')}$`
}

function quoteRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** ClickHouse lets `.` match line breaks unless it is told otherwise. */
function regexText(pattern: string, { ignoreCase, multiline, dotAll }: RegexFlags): string {
  return `(?${ignoreCase ? 'i' : ''}${multiline ? 'm' : ''}${dotAll ? 's' : '-s'})${pattern}`
}

function datePartSql(text: string, part: DatePart): string {
  const epoch = `toFloat64OrNull(${text})`
  const moment = `fromUnixTimestamp64Milli(toInt64(if(${epoch} < 1e11, ${epoch} * 1000, ${epoch})), 'UTC')`
  const iso = `multiIf(match(${text}, '^[0-9]{4}-[0-9]{2}-[0-9]{2}'), ${text}, match(${text}, ${quoted(numberPattern)}) AND ${epoch} >= 1e8 AND ${epoch} <= 1e14, replaceOne(toString(${moment}), ' ', 'T'), '')`
  const number = (from: number, length: number, guard: string) =>
    `if(match(${iso}, ${quoted(guard)}), toInt32OrNull(substring(${iso}, ${from}, ${length})), NULL)`
  const time = '^.{10}[T ][0-9]{2}:[0-9]{2}'
  switch (part) {
    case 'year':
      return number(1, 4, '^[0-9]{4}')
    case 'month':
      return number(6, 2, '^[0-9]{4}')
    case 'day':
      return number(9, 2, '^[0-9]{4}')
    case 'hour':
      return number(12, 2, time)
    case 'minute':
      return number(15, 2, time)
    case 'week':
      return `toISOWeek(toDateOrNull(substring(${iso}, 1, 10)))`
  }
}

/** The texts of a JSON text in `extra` ('' where there is none): one, or the members of a list, none of null. */
function jsonTexts(json: string): string {
  const raw = `if(startsWith(${json}, '['), JSONExtractArrayRaw(${json}), [${json}])`
  return `arrayMap(m -> if(startsWith(m, '"'), JSONExtractString(m), m), arrayFilter(m -> m NOT IN ('', 'null'), ${raw}))`
}

/** What the column of a core field holds, as texts; `''`, `::`, `[]` and NULL are absence. */
function columnTexts(field: string, column: string): string {
  const core = coreFieldByName.get(field)
  const address = (text: string) => `replaceRegexpOne(toString(${text}), '^::ffff:', '')`
  if (!core) {
    if (field === '@timestamp' || field === 'event.ingested')
      return `[concat(replaceOne(toString(${column}), ' ', 'T'), 'Z')]`
    return `[${column}]`
  }
  if (core.array)
    return core.type === 'ip' ? `arrayMap(v -> ${address('v')}, ${column})` : `arrayMap(v -> toString(v), ${column})`
  switch (core.type) {
    case 'keyword':
    case 'text':
      return `if(${column} = '', [], [toString(${column})])`
    case 'ip':
      return `if(${column} = toIPv6('::'), [], [${address(column)}])`
    case 'date':
      return `if(isNull(${column}), [], [concat(replaceOne(ifNull(toString(${column}), ''), ' ', 'T'), 'Z')])`
    default:
      return `if(isNull(${column}), [], [ifNull(toString(${column}), '')])`
  }
}

/** Texts of a field of an event wherever it lies. */
function fieldTexts(field: string): string {
  const extra = jsonTexts(`extra[${quoted(field)}]`)
  const column = columnOf(field)
  if (column === undefined) return extra
  if (!coreFieldByName.has(field)) return columnTexts(field, column)
  // A value its column cannot hold lies in the map.
  return `arrayConcat(${columnTexts(field, column)}, ${extra})`
}

function presentSql(field: string): string {
  const column = columnOf(field)
  const extra = `mapContains(extra, ${quoted(field)})`
  if (column === undefined) return extra
  const core = coreFieldByName.get(field)
  if (!core) return '1'
  const filled =
    core.array || core.type === 'keyword' || core.type === 'text'
      ? `notEmpty(${column})`
      : core.type === 'ip'
        ? `${column} != toIPv6('::')`
        : `isNotNull(${column})`
  return `(${filled} OR ${extra})`
}

const envelope = new Set(['@timestamp', 'event.ingested', 'event.id', 'event.original'])

function placeOf(field: string, view: FieldView): Place {
  const { from, transform } = envelope.has(field) ? { from: [field], transform: undefined } : fieldSource(field, view)
  // The first name with a value that is not null.
  const texts = firstFilled(from.map(fieldTexts))
  return {
    texts: transform === undefined ? texts : transformSql(transform, texts, from, field),
    present: or(from.map(presentSql)),
  }
}

/** The transforms of transforms.ts over an array of texts. */
function transformSql(name: string, texts: string, from: readonly string[], field: string): string {
  const each = (change: string) => `arrayMap(v -> ${change}, ${texts})`
  switch (name) {
    case 'hexNumber':
      return each(
        "if(match(v, '(?i)^0x[0-9a-f]{1,12}$'), toString(reinterpretAsUInt64(reverse(unhex(leftPad(substring(v, 3), 16, '0'))))), v)",
      )
    case 'setValue':
      return each("if(v = '%%1906', 'DeleteValue', 'SetValue')")
    case 'devicePath':
      return each(`replaceRegexpOne(v, ${quoted('(?i)^\\\\device\\\\harddiskvolume[0-9]+\\\\')}, ${quoted('C:\\\\')})`)
    case 'initiated':
      return each(
        "multiIf(lower(v) IN ('true', 'egress', 'outbound', '%%14593'), 'true', lower(v) IN ('false', 'ingress', 'inbound', '%%14592'), 'false', v)",
      )
    case 'uriQuery':
      return each("if(position(v, '?') > 0, substring(v, position(v, '?') + 1), v)")
    case 'registryPath': {
      const roots = `replaceRegexpOne(replaceRegexpOne(replaceRegexpOne(v, ${quoted('(?i)^\\\\REGISTRY\\\\MACHINE\\\\SYSTEM\\\\ControlSet[0-9]{3}\\\\')}, ${quoted('HKLM\\\\System\\\\CurrentControlSet\\\\')}), ${quoted('(?i)^\\\\REGISTRY\\\\MACHINE\\\\')}, ${quoted('HKLM\\\\')}), ${quoted('(?i)^\\\\REGISTRY\\\\USER\\\\')}, ${quoted('HKU\\\\')})`
      const second = from[1] === undefined ? '[]' : fieldTexts(from[1])
      return `arrayMap(v -> concat(${roots}, if(empty(arrayFilter(n -> n != '', ${second})), '', concat('\\\\', arrayElement(${second}, 1)))), ${texts})`
    }
    case 'hashes': {
      const parts = from.flatMap((source) => {
        const algorithm = source.slice(source.lastIndexOf('.') + 1).toUpperCase()
        return ['MD5', 'SHA1', 'SHA256', 'IMPHASH'].includes(algorithm)
          ? [`arrayMap(h -> concat('${algorithm}=', upper(h)), ${fieldTexts(source)})`]
          : []
      })
      return `if(empty(${texts}) OR position(${texts}[1], '=') > 0, ${texts}, [arrayStringConcat(arrayConcat(${parts.join(', ')}), ',')])`
    }
    default:
      throw new CodedError(
        'RULE_INVALID',
        `History cannot answer for the field ${field}: the transform ${name} has no SQL`,
        { field, transform: name },
      )
  }
}

/** Every value of the event: all columns, the map, and the record itself when it is text and no message holds it. */
function wholePlace(): Place {
  const columns = [...coreFieldByName.keys()].map((field) => columnTexts(field, columnOf(field)!))
  const values = `arrayFlatten(arrayMap(j -> ${jsonTexts('j')}, mapValues(extra)))`
  const raw = `if(${presentSql('message')} OR event_original = '' OR startsWith(event_original, '{') OR startsWith(event_original, '['), [], [event_original])`
  return { texts: `arrayConcat(${columns.join(', ')}, ${values}, ${raw})`, present: '1' }
}
