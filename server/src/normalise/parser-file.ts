import { z } from 'zod'

/**
 * The parser language: one YAML file a source, `content/sources/<name>/parser.yml`. A record's content is read by
 * `format` into values under the source's own names; `map` and `steps` put values into fields of the catalogue.
 * Names in conditions and templates are the source's; `$name` is a field set before.
 */
const scalar = z.union([z.string(), z.number(), z.boolean()])

/** One test of a value: equal to a scalar, to one of a list, or what the object says. */
const test = z.union([
  scalar,
  z.array(scalar),
  z.strictObject({
    exists: z.boolean().optional(),
    starts: z.union([z.string(), z.array(z.string())]).optional(),
    ends: z.union([z.string(), z.array(z.string())]).optional(),
    contains: z.union([z.string(), z.array(z.string())]).optional(),
    not: z.union([scalar, z.array(scalar)]).optional(),
    matches: z.string().optional(),
    gte: z.number().optional(),
    lt: z.number().optional(),
  }),
])

/** All must hold. */
const condition = z.record(z.string(), test)

/** A field, several fields, or how the value is changed on the way. */
const target = z.union([
  z.string(),
  z.array(z.string()),
  z.strictObject({
    to: z.union([z.string(), z.array(z.string())]),
    /** `lower`, `upper`, `trim`; `scale` multiplies numbers. */
    text: z.enum(['lower', 'upper', 'trim']).optional(),
    scale: z.number().optional(),
    /** Values that mean nothing here, such as `0` or `N/A`. */
    skip: z.array(scalar).optional(),
    split: z.string().optional(),
    /** Name of a table, or a table: values it does not hold are left out. */
    lookup: z.union([z.string(), z.record(z.string(), scalar)]).optional(),
    append: z.boolean().optional(),
  }),
])

const mapping = z.record(z.string(), target)
/** Constants, or text with `{name}` or `{name|lower}`; a text with a name that has no value is not set. */
const assignments = z.record(z.string(), z.union([scalar, z.array(z.string())]))

export type Condition = z.infer<typeof condition>
export type Target = z.infer<typeof target>
export type Mapping = z.infer<typeof mapping>
export type Assignments = z.infer<typeof assignments>

export interface PatternEntry {
  pattern: string
  set?: Assignments
  steps?: StepFile[]
}

export type StepFile =
  | { set: Assignments }
  | { map: Mapping }
  | { patterns: PatternEntry[]; from?: string; required?: boolean }
  | { when: Condition; steps: StepFile[]; else?: StepFile[] }
  | { switch: string | string[]; cases: Record<string, StepFile[]>; default?: StepFile[] }
  | { lookup: string; table: string | Record<string, unknown>; to?: string }
  | { pairs: string; separator?: string; assign?: ':' | '=' }
  | { split: string; by: string; to: string[] }
  | { time: string[] }
  | { apply: string; from?: string; to?: string }
  | { inner: string[]; program?: string[] }
  | { tag: string }
  | { remove: string[] }
  | { reject: string }

const step: z.ZodType<StepFile> = z.lazy(() =>
  z.union([
    z.strictObject({ set: assignments }),
    z.strictObject({ map: mapping }),
    z.strictObject({
      patterns: z.array(patternEntry).min(1),
      from: z.string().optional(),
      required: z.boolean().optional(),
    }),
    z.strictObject({ when: condition, steps: z.array(step), else: z.array(step).optional() }),
    z.strictObject({
      switch: z.union([z.string(), z.array(z.string())]),
      cases: z.record(z.string(), z.array(step)),
      default: z.array(step).optional(),
    }),
    z.strictObject({
      lookup: z.string(),
      table: z.union([z.string(), z.record(z.string(), z.unknown())]),
      to: z.string().optional(),
    }),
    z.strictObject({ pairs: z.string(), separator: z.string().optional(), assign: z.enum(['=', ':']).optional() }),
    z.strictObject({ split: z.string(), by: z.string().min(1), to: z.array(z.string()).min(1) }),
    z.strictObject({ time: z.array(z.string()).min(1) }),
    z.strictObject({ apply: z.string(), from: z.string().optional(), to: z.string().optional() }),
    z.strictObject({ inner: z.array(z.string()).min(1), program: z.array(z.string()).optional() }),
    z.strictObject({ tag: z.string() }),
    z.strictObject({ remove: z.array(z.string()) }),
    z.strictObject({ reject: z.string() }),
  ]),
)

const patternEntry: z.ZodType<PatternEntry> = z.lazy(() =>
  z.strictObject({ pattern: z.string().min(1), set: assignments.optional(), steps: z.array(step).optional() }),
)

/** One way to recognise content; all its parts must hold. */
const recogniser = z.strictObject({
  /** The content begins with this. */
  starts: z.union([z.string(), z.array(z.string())]).optional(),
  contains: z.string().optional(),
  pattern: z.string().optional(),
  /** The content holds at least so many pairs, read as the parser file says. */
  pairs: z.number().int().min(2).optional(),
  /** JSON content that has all of these names (dotted for nested ones) … */
  keys: z.array(z.string()).optional(),
  /** … and at least one of these. */
  any: z.array(z.string()).optional(),
  /** … and whose value of a name is as tested. */
  where: condition.optional(),
})

export const formats = ['text', 'json', 'pairs', 'cef', 'leef', 'csv', 'zeek-tsv', 'audit', 'embedded-json'] as const

export const parserFileSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  title: z.strictObject({ zh: z.string(), en: z.string() }),
  /** Several: the first that can read the content does. */
  format: z.union([z.enum(formats), z.array(z.enum(formats)).min(1)]),
  /** Programs in a syslog header whose content this parser reads; a trailing `*` stands for any ending. */
  programs: z.array(z.string()).optional(),
  recognise: z.array(recogniser).optional(),
  /** How sure a recogniser is, 0 to 100; the surest parser takes a new sender. Generic parsers stay below 30. */
  confidence: z.number().int().min(0).max(100).default(70),
  separator: z.string().optional(),
  assign: z.enum(['=', ':']).optional(),
  columns: z.array(z.string()).optional(),
  /** `event.dataset`; may be a template. */
  dataset: z.string(),
  set: assignments.optional(),
  map: mapping.optional(),
  /** Prefix under which what the map does not take is kept. */
  keep: z.string().optional(),
  /** Keep mapped values under their own names too. */
  keepMapped: z.boolean().default(false),
  /** Names that are fields of the catalogue themselves go into those fields. */
  ecs: z.boolean().default(false),
  /** Names that are not kept. Those of `time` are not kept either: the event time is what they say. */
  drop: z.array(z.string()).default([]),
  /** Names that may hold the event time, tried in order; `date + time` joins two. */
  time: z.array(z.string()).optional(),
  /** Names that may hold the message; text formats use the content. */
  message: z.array(z.string()).optional(),
  /** A function that turns the record into the names this file uses, before the map. */
  prepare: z.string().optional(),
  steps: z.array(step).optional(),
})

export type ParserFile = z.infer<typeof parserFileSchema>
export type Recogniser = z.infer<typeof recogniser>
