import { sql } from 'drizzle-orm'
import { sha256 } from '../../lib/digest.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { tokens, users } from '../../seams/store/schema/identity.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import { allPermissions, type Role, systemActor } from '../actor.ts'
import { type AuditEntry, appendAuditAll } from '../audit/append.ts'
import { translateStoreError } from '../store-error.ts'
import { rootUnitId, rootUnitPath } from '../units/unit.ts'
import { oneTimePasswordFacts } from './create.ts'
import { oneTimePassword } from './password.ts'

/** One person for each power, so that none holds two from the first hour on. */
const firstAccounts: { name: string; displayName: string; role: Role }[] = [
  { name: 'admin', displayName: '系统管理员', role: 'system_administrator' },
  { name: 'security', displayName: '安全管理员', role: 'security_manager' },
  { name: 'auditor', displayName: '审计员', role: 'auditor' },
]

export interface FirstAccount {
  name: string
  role: Role
  oneTimePassword: string
}

/**
 * At first start, all or nothing: the three first accounts, whose one-time passwords are answered here once, and the
 * token of the configuration with all permissions on all units. Afterwards it does nothing and answers no accounts: a
 * token that is configured later has no effect. The root unit must exist.
 */
export async function bootstrapIdentity(
  database: Database,
  clock: Clock,
  options: { bootstrapToken?: string } = {},
): Promise<FirstAccount[]> {
  const actor = systemActor('first start')
  if (await hasUsers(database).catch(rethrowTranslated)) return []
  const prepared = await Promise.all(
    firstAccounts.map(async (account) => {
      const password = oneTimePassword(clock)
      return { account, password, facts: await oneTimePasswordFacts(clock, password, null) }
    }),
  )
  const work = database.transaction(async (transaction) => {
    await transaction.execute(sql`SELECT pg_advisory_xact_lock(hashtext('first_start'))`)
    if (await hasUsers(transaction)) return []
    const audit: AuditEntry[] = []
    const now = new Date(clock.now())
    for (const { account, facts } of prepared) {
      const row = { ...account, unitId: rootUnitId, ...facts, createdAt: now }
      const [user] = await transaction.insert(users).values(row).returning({ id: users.id })
      const { name, role } = account
      const detail = { name, role, firstStart: true }
      audit.push({ actor, action: 'user.create', target: `user:${user!.id}`, unitPath: rootUnitPath, detail })
    }
    if (options.bootstrapToken !== undefined) {
      const id = clock.id()
      const permissions = [...allPermissions]
      const row = {
        id,
        name: 'bootstrap',
        tokenHash: sha256(options.bootstrapToken),
        hint: '',
        permissions,
        unitId: rootUnitId,
      }
      await transaction.insert(tokens).values({ ...row, bootstrap: true, createdAt: now })
      const detail = { name: 'bootstrap', permissions, firstStart: true, bootstrap: true }
      audit.push({ actor, action: 'token.create', target: `token:${id}`, unitPath: rootUnitPath, detail })
    }
    await appendAuditAll(transaction, clock, audit)
    return prepared.map(({ account: { name, role }, password }) => ({ name, role, oneTimePassword: password }))
  })
  return work.catch(rethrowTranslated)
}

async function hasUsers(database: Database | Transaction): Promise<boolean> {
  const [anybody] = await database.select({ id: users.id }).from(users).limit(1)
  return anybody !== undefined
}

function rethrowTranslated(error: unknown): never {
  throw translateStoreError(error)
}
