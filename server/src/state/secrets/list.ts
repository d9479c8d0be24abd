import { and, count, sql } from 'drizzle-orm'
import { z } from 'zod'
import { secrets } from '../../seams/store/schema/settings.ts'
import { parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { permissionByPurpose, type SecretPurpose } from './secret.ts'

const listSecretsQuery = z.strictObject({
  ...pageQuery,
  purpose: z.enum(Object.keys(permissionByPurpose) as [SecretPurpose, ...SecretPurpose[]]),
})

/** That a secret is set, by whom and when; never what it is. */
export interface ListedSecret {
  name: string
  unitPath: string
  updatedAt: Date
  updatedBy: string
}

const byName: Keyset = { name: 'name', column: sql`${secrets.name}`, id: sql`${secrets.name}`, direction: 'asc' }

/** Names of the secrets of one purpose in the actor's units. Needs the permission to put them. */
export async function listSecrets(
  context: Context,
  query: z.input<typeof listSecretsQuery>,
): Promise<Page<ListedSecret>> {
  const { limit, cursor, purpose } = parseInput(listSecretsQuery, query)
  return read(context, permissionByPurpose[purpose], async (database) => {
    const filter = and(
      withinUnit(secrets.unitPath, context.actor.unitPath),
      sql`starts_with(${secrets.name}, ${`${purpose}:`})`,
    )
    const { name, unitPath, updatedAt, updatedBy } = secrets
    const rows = await database
      .select({ name, unitPath, updatedAt, updatedBy })
      .from(secrets)
      .where(and(filter, afterCursor(byName, cursor)))
      .orderBy(orderBy(byName))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(secrets).where(filter)
    return pageOf(
      byName,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.name, row.name],
      (row) => row,
    )
  })
}
