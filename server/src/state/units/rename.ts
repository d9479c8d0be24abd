import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { units } from '../../seams/store/schema/identity.ts'
import { idNumber, parseInput } from '../input.ts'
import { nextVersion, requireVersion } from '../version.ts'
import { type Context, write } from '../write.ts'
import { locateUnit } from './locate.ts'
import { type Unit, unitCode, unitName } from './unit.ts'

const renameUnitInput = z.strictObject({
  id: idNumber,
  name: unitName.optional(),
  /** null takes the code away. */
  code: unitCode.nullish(),
})

/** Changes name and code. Throws NOT_FOUND outside the actor's units, CONFLICT when name or code is taken. */
export async function renameUnit(context: Context, input: z.input<typeof renameUnitInput>): Promise<Unit> {
  const { id, name, code } = parseInput(renameUnitInput, input)
  return write(context, { action: 'unit.rename', permission: 'unit:write' }, async (transaction) => {
    const unit = await locateUnit(transaction, context.actor, id, 'update')
    await requireVersion(transaction, context, `unit:${id}`, unit.version)
    const after = { name: name ?? unit.name, code: code === undefined ? unit.code : code }
    const [row] = await transaction
      .update(units)
      .set({ ...after, version: nextVersion(units.version) })
      .where(eq(units.id, id))
      .returning()
    const before = { name: unit.name, code: unit.code }
    return { result: row!, target: `unit:${id}`, unitPath: unit.path, detail: { before, after } }
  })
}
