import type { FieldValue } from '../event/event.ts'
import type { Run, SourceValues } from './run.ts'
import { asFieldValue, type Setter } from './setter.ts'
import { type RunStore, runStoreFor } from './store-field.ts'

/** Deepest nesting, and most leaves, that are taken from one record; what lies beyond stays in the raw bytes. */
const depthLimit = 24
const leafLimit = 2000
/** Most elements of a list of objects that are taken apart. */
const elementLimit = 256
/** Most names remembered at one level; further ones are handled without being remembered. */
const rememberedLimit = 4096

interface Slot {
  setters: Setter[]
  /** The parser's map names the path itself: an object there is one value. */
  isMapped: boolean
  /** Field the value is kept in when no setter takes it; undefined when it is not kept. */
  kept: RunStore | undefined
  /** Field a value is kept in when the setters do not take it (`port: "n/a"`). */
  misfit: RunStore | undefined
  below: Level | undefined
}

/** Where the values of a parser's records go. */
export interface Places {
  /** Setters of a path, none when it is not mapped. */
  settersOf(path: string): Setter[]
  isMapped(path: string): boolean
  /** Vendor prefix under which the rest is kept; undefined keeps nothing. */
  prefix: string | undefined
  /** Mapped values are kept under the vendor's name too. */
  keepMapped: boolean
  dropped: ReadonlySet<string>
}

/**
 * The places of a nested record, learnt as records pass: every path is looked up in the map of the parser and joined
 * to a field name once, after which a record costs one Map lookup a leaf.
 */
export class Level {
  private readonly slots = new Map<string, Slot>()
  private readonly path: string
  private readonly places: Places

  constructor(places: Places, path = '') {
    this.places = places
    this.path = path
  }

  /** Sets the fields of every leaf of the record. */
  apply(record: SourceValues, run: Run): void {
    if (this.applyBelow(record, run, 0, { leaves: 0 })) run.tags.push('fields_truncated')
  }

  private slot(key: string): Slot {
    const known = this.slots.get(key)
    if (known) return known
    const path = this.path === '' ? key : `${this.path}.${key}`
    const { prefix, keepMapped, dropped } = this.places
    const setters = this.places.settersOf(path)
    const kept = prefix === undefined || dropped.has(path) ? undefined : runStoreFor(`${prefix}.${path}`)
    const slot: Slot = {
      setters,
      isMapped: this.places.isMapped(path),
      kept: keepMapped || setters.length === 0 ? kept : undefined,
      misfit: setters.length > 0 ? kept : undefined,
      below: undefined,
    }
    if (this.slots.size < rememberedLimit) this.slots.set(key, slot)
    return slot
  }

  /** Returns true when a limit cut the record. */
  private applyBelow(record: SourceValues, run: Run, depth: number, count: { leaves: number }): boolean {
    for (const key in record) {
      const value = record[key]
      const slot = this.slot(key)
      if (typeof value === 'object' && value !== null) {
        const objects = Array.isArray(value) ? isObjectList(value) : true
        if (objects && !slot.isMapped) {
          if (depth >= depthLimit) return true
          slot.below ??= new Level(this.places, this.path === '' ? key : `${this.path}.${key}`)
          const nested = Array.isArray(value) ? gather(value as SourceValues[]) : (value as SourceValues)
          if (slot.below.applyBelow(nested, run, depth + 1, count)) return true
          continue
        }
      }
      if (++count.leaves > leafLimit) return true
      let taken = false
      for (const setter of slot.setters) if (setter(run, value)) taken = true
      if (slot.kept !== undefined) slot.kept(run, asFieldValue(value))
      else if (!taken && slot.misfit !== undefined && !isEmpty(value)) slot.misfit(run, asFieldValue(value))
    }
    return false
  }
}

function isEmpty(value: unknown): boolean {
  return (
    value === null ||
    value === '' ||
    value === '-' ||
    value === undefined ||
    (Array.isArray(value) && value.length === 0)
  )
}

function isObjectList(list: unknown[]): boolean {
  const first = list[0]
  return typeof first === 'object' && first !== null && !Array.isArray(first)
}

/** `[{a: 1}, {a: 2, b: 3}]` as `{a: [1, 2], b: [3]}`: each leaf of a list of objects is a list. */
function gather(list: SourceValues[]): SourceValues {
  const gathered: Record<string, FieldValue[]> = Object.create(null)
  const walk = (value: unknown, path: string, depth: number) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth < 6) {
      for (const key in value) walk((value as SourceValues)[key], path === '' ? key : `${path}.${key}`, depth + 1)
      return
    }
    gathered[path] ??= []
    if (Array.isArray(value)) gathered[path].push(...value.slice(0, elementLimit).map(asFieldValue))
    else gathered[path].push(asFieldValue(value))
  }
  for (const element of list.slice(0, elementLimit)) walk(element, '', 0)
  delete gathered['']
  return gathered
}
