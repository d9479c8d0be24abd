import { sql } from 'drizzle-orm'
import { tokens, units, users } from '../../seams/store/schema/identity.ts'
import { allPermissions, type Permission } from '../actor.ts'

/** A token as lists show it: never the token. */
export interface Token {
  id: string
  name: string
  /** Its last four characters. */
  hint: string
  permissions: Permission[]
  unitId: number
  unitPath: string
  /** Who made it; null when a token or the first start did. */
  ownerName: string | null
  bootstrap: boolean
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
  revokedAt: Date | null
}

const { id, name, hint, permissions, unitId, bootstrap, createdAt, expiresAt, lastUsedAt, revokedAt } = tokens

/** Columns of `Token`, for a query over tokens joined with units and (left) with users. */
export const tokenColumns = {
  ...{ id, name, hint, unitId, unitPath: units.path, ownerName: sql<string | null>`${users.name}` },
  ...{ permissions: sql<Permission[]>`${permissions}`, bootstrap, createdAt, expiresAt, lastUsedAt, revokedAt },
}

export function isPermission(text: string): text is Permission {
  return (allPermissions as readonly string[]).includes(text)
}
