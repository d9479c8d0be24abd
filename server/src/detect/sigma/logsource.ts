import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { coreFieldByName } from '../../event/catalogue.ts'
import { CodedError } from '../../event/errors.ts'
import type { Event, FieldValue } from '../../event/event.ts'
import type { Logsource } from './document.ts'
import { type KnownFields, knownFieldsFile, readKnownFields } from './known-fields.ts'
import { transforms } from './transforms.ts'

/** One line of content/lookups/sigma-logsources.yml. */
export interface LogsourceEntry extends Logsource {
  view: string
  /** Field -> lower-cased values; all fields must hold one of theirs. */
  when: ReadonlyMap<string, ReadonlySet<string>>
}

/** Where a Sigma field stands in our events: the first of these names that has a value, and what is done to it. */
export interface FieldSource {
  from: readonly string[]
  transform?: string
}

/** Names of Sigma fields -> places, as one kind of log source fills them. */
export interface FieldView {
  name: string
  prefix: string
  fields: ReadonlyMap<string, FieldSource>
}

export interface Lookups {
  logsources: readonly LogsourceEntry[]
  views: ReadonlyMap<string, FieldView>
  /** Where the fields of a log source are a closed list. */
  knownFields: readonly KnownFields[]
  /** Every field that decides the log source. */
  routingFields: readonly string[]
  /** The same, with the lower-cased values that matter; undefined when all do. */
  routing: readonly { field: string; values: ReadonlySet<string> | undefined }[]
}

const texts = z.array(z.coerce.string())
const logsourceFile = z.strictObject({
  logsources: z.array(
    z.strictObject({
      product: z.string().optional(),
      category: z.string().optional(),
      service: z.string().optional(),
      view: z.string(),
      when: z.record(z.string(), texts),
    }),
  ),
})
const source = z.union([
  texts.transform((from): FieldSource => ({ from })),
  z.strictObject({ from: texts, transform: z.string().refine((name) => name in transforms, 'unknown transform') }),
])
const fieldFile = z.strictObject({
  views: z.record(
    z.string(),
    z.strictObject({
      extends: z.string().optional(),
      prefix: z.string().optional(),
      fields: z.record(z.string(), source),
    }),
  ),
})

/** Names under which sources without a parser of their own keep their fields. */
const genericPrefixes = ['', 'json.', 'kv.']

/** Reads the logsource table and the field views from the content folder. Throws CONFIG_INVALID naming the file. */
export function loadLookups(contentDir: string): Lookups {
  const { logsources: rows } = readFile(join(contentDir, 'lookups', 'sigma-logsources.yml'), logsourceFile)
  const { views: rawViews } = readFile(join(contentDir, 'lookups', 'sigma-fields.yml'), fieldFile)
  const views = new Map<string, FieldView>()
  const build = (name: string, depth: number): FieldView => {
    const known = views.get(name)
    if (known) return known
    const raw = rawViews[name]
    if (!raw || depth > 8)
      throw new CodedError('CONFIG_INVALID', `sigma-fields.yml: no view ${name}, or it extends itself`, { name })
    const parent = raw.extends === undefined ? undefined : build(raw.extends, depth + 1)
    const view: FieldView = {
      name,
      prefix: raw.prefix ?? parent?.prefix ?? '',
      fields: new Map([...(parent?.fields ?? []), ...Object.entries(raw.fields)]),
    }
    views.set(name, view)
    return view
  }
  for (const name of Object.keys(rawViews)) build(name, 0)
  const logsources = rows.map((row): LogsourceEntry => {
    const { when, ...rest } = row
    if (!views.has(row.view))
      throw new CodedError('CONFIG_INVALID', `sigma-logsources.yml: no view ${row.view}`, { view: row.view })
    return {
      ...rest,
      when: new Map(
        Object.entries(when).map(([field, values]) => [field, new Set(values.map((value) => value.toLowerCase()))]),
      ),
    }
  })
  const values = new Map<string, Set<string>>()
  for (const { when } of logsources) {
    for (const [field, list] of when) values.set(field, new Set([...(values.get(field) ?? []), ...list]))
  }
  const routing: Lookups['routing'] = [
    // The implicit entry reads these two as they are.
    { field: 'event.module', values: undefined },
    { field: 'event.dataset', values: undefined },
    ...[...values]
      .filter(([field]) => field !== 'event.module' && field !== 'event.dataset')
      .map(([field, known]) => ({ field, values: known })),
  ]
  const known = readFile(join(contentDir, 'lookups', 'sigma-known-fields.yml'), knownFieldsFile)
  const knownFields = readKnownFields(known, (wanted) =>
    logsources.filter((entry) => selects(wanted, entry)).flatMap((entry) => [...views.get(entry.view)!.fields.keys()]),
  )
  return { logsources, views, knownFields, routing, routingFields: routing.map(({ field }) => field) }
}

function readFile<Schema extends z.ZodType>(path: string, schema: Schema): z.infer<Schema> {
  try {
    return schema.parse(parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    throw new CodedError('CONFIG_INVALID', `${path} cannot be used: ${(cause as Error).message}`, { path }, { cause })
  }
}

/** The entries of the table an event has, the implicit one (module and dataset) included. */
export function entriesOf(event: Event, lookups: Lookups): LogsourceEntry[] {
  const entries = lookups.logsources.filter((entry) => {
    for (const [field, values] of entry.when) if (!holdsOne(event.fields[field], values)) return false
    return true
  })
  const implicit = implicitEntry(event)
  if (implicit) entries.push(implicit)
  return entries
}

/** A key that is equal for events with the same entries; senders choose names and numbers, so what no entry asks for is left out. */
export function routeOf({ fields }: Event, { routing }: Lookups): string {
  let route = ''
  for (let i = 0; i < routing.length; i++) {
    const { field, values } = routing[i]!
    route += '\u0000'
    const value = fields[field]
    if (value === undefined || value === null) continue
    if (Array.isArray(value)) {
      for (const member of value)
        if (values === undefined || holdsOne(member, values)) route += `${String(member).toLowerCase()}\u0001`
    } else {
      const text = String(value).toLowerCase()
      if (values === undefined || values.has(text)) route += text
    }
  }
  return route
}

function holdsOne(value: FieldValue | undefined, values: ReadonlySet<string>): boolean {
  if (Array.isArray(value)) return value.some((member) => holdsOne(member, values))
  return value !== undefined && value !== null && values.has(String(value).toLowerCase())
}

/** `event.module` P and `event.dataset` P.S or S: product P, service S, fields as they are. */
function implicitEntry(event: Event): LogsourceEntry | undefined {
  const product = event.fields['event.module']
  const dataset = event.fields['event.dataset']
  if (typeof product !== 'string') return undefined
  const service =
    typeof dataset === 'string' ? dataset.slice(dataset.startsWith(`${product}.`) ? product.length + 1 : 0) : undefined
  return { product: product.toLowerCase(), service: service?.toLowerCase(), view: 'default', when: new Map() }
}

/** True when a rule names no dimension at all. */
export function isOpen({ product, category, service }: Logsource): boolean {
  return product === undefined && category === undefined && service === undefined
}

/** True when the entry has every dimension the rule names. */
export function selects(rule: Logsource, entry: Logsource): boolean {
  if (rule.product !== undefined && rule.product !== entry.product) return false
  if (rule.category !== undefined && rule.category !== entry.category) return false
  return rule.service === undefined || rule.service === entry.service
}

/** Names of the views through which a rule reads an event with these entries; empty when the rule is not meant for it. */
export function viewsFor(rule: Logsource, entries: readonly LogsourceEntry[]): Set<string> {
  const views = new Set(entries.filter((entry) => selects(rule, entry)).map((entry) => entry.view))
  // A named view knows more than the default one.
  if (views.size > 1) views.delete('default')
  // A rule of no log source in particular is meant for every event.
  if (views.size === 0 && isOpen(rule)) views.add('default')
  return views
}

/**
 * True when a rule may be meant by an input that was declared to be of this logsource: no dimension differs. Where the
 * declaration gives a category and the rule only a service (or the other way round), the table says whether the two go together.
 */
export function compatible(rule: Logsource, declared: Logsource, lookups: Lookups): boolean {
  for (const key of ['product', 'category', 'service'] as const) {
    if (rule[key] !== undefined && declared[key] !== undefined && rule[key] !== declared[key]) return false
  }
  const category = rule.category ?? declared.category
  const service = rule.service ?? declared.service
  if (category === undefined || service === undefined) return true
  const product = rule.product ?? declared.product
  const known = lookups.logsources.filter(
    (entry) =>
      entry.category === category &&
      entry.service !== undefined &&
      (product === undefined || entry.product === product),
  )
  return known.length === 0 || known.some((entry) => entry.service === service)
}

/** Where a Sigma field is looked for under a view: its mapping, else the view's prefix, the plain name, the generic prefixes. */
export function fieldSource(field: string, view: FieldView): FieldSource {
  const mapped = view.fields.get(field)
  if (mapped) return mapped
  const names = genericPrefixes.map((prefix) => prefix + field)
  // A name of ECS means itself, whatever the source.
  const isOurs = view.prefix === '' || (field.includes('.') && coreFieldByName.has(field))
  return { from: isOurs ? names : [view.prefix + field, ...names] }
}
