import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { sources } from '../../seams/store/schema/sources.ts'
import { idNumber, nameText, parseInput } from '../input.ts'
import { locateUnit } from '../units/locate.ts'
import { nextVersion, requireVersion } from '../version.ts'
import { type Context, write } from '../write.ts'
import { loadSource, locateSource, type Source } from './source.ts'

const updateSourceInput = z.strictObject({
  id: z.string().max(256),
  name: nameText(200).optional(),
  /** Pins the parser; null lets it be guessed again. Whether a parser of that name is loaded is the caller's to know. */
  parser: z
    .string()
    .regex(/^[\w.-]{1,100}$/)
    .nullish(),
  unitId: idNumber.optional(),
  silenceAfterMinutes: z.number().multipleOf(0.5).min(0.5).max(525_600).nullish(),
  /** IANA name; null: the platform's. */
  timeZone: z.string().max(64).refine(isTimeZone, 'is no IANA time zone').nullish(),
  retentionClass: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/)
    .optional(),
  enabled: z.boolean().optional(),
})

/**
 * Settles a source: name, parser, unit, silence alarm, time zone, retention, in service or not. A new unit holds for what
 * comes from now on. Throws NOT_FOUND when source or unit lie outside the actor's units.
 */
export async function updateSource(context: Context, input: z.input<typeof updateSourceInput>): Promise<Source> {
  const { id, parser, silenceAfterMinutes, unitId, ...plain } = parseInput(updateSourceInput, input)
  const { actor, clock } = context
  return write(context, { action: 'source.update', permission: 'source:write' }, async (transaction) => {
    const unit = unitId === undefined ? undefined : await locateUnit(transaction, actor, unitId, 'share')
    const row = await locateSource(transaction, actor, id)
    await requireVersion(transaction, context, `source:${id}`, row.version)
    const changes = definedOnly({
      ...plain,
      pinnedParser: parser,
      silenceAfterMs:
        silenceAfterMinutes === undefined || silenceAfterMinutes === null
          ? silenceAfterMinutes
          : silenceAfterMinutes * 60_000,
      unitId: unit?.id,
      unitPath: unit?.path,
    })
    const keys = Object.keys(changes) as (keyof typeof changes)[]
    const changed = keys.filter((key) => row[key] !== changes[key])
    if (changed.length > 0) {
      const version = nextVersion(sources.version)
      await transaction
        .update(sources)
        .set({ ...changes, version })
        .where(eq(sources.id, id))
    }
    const before = Object.fromEntries(changed.map((key) => [key, row[key]]))
    const after = Object.fromEntries(changed.map((key) => [key, changes[key]]))
    const result = await loadSource(transaction, actor, id, new Date(clock.now()))
    // Of the unit it leaves: that is where its going is to be seen.
    const detail = { key: row.key, before, after }
    return { result, target: `source:${id}`, unitPath: row.unitPath, detail, unchanged: changed.length === 0 }
  })
}

function definedOnly<Value extends object>(value: Value): { [Key in keyof Value]?: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [Key in keyof Value]?: Exclude<Value[Key], undefined>
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
