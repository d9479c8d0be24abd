import { desc, eq, sql } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { userPasswords } from '../../seams/store/schema/identity.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import { verifyPassword } from './password.ts'

/** How many former passwords must not be taken again, the present one not counted. */
const rememberedMax = 5

/** Keeps a hash that is about to be replaced, and forgets the oldest. */
export async function keepInHistory(
  transaction: Transaction,
  clock: Clock,
  userId: number,
  hash: string,
): Promise<void> {
  await transaction.insert(userPasswords).values({ userId, hash, createdAt: new Date(clock.now()) })
  await transaction.execute(sql`
    DELETE FROM ${userPasswords} WHERE user_id = ${userId} AND id NOT IN
      (SELECT id FROM ${userPasswords} WHERE user_id = ${userId} ORDER BY id DESC LIMIT ${rememberedMax})`)
}

/** Throws PASSWORD_WEAK (rule `history`) when the password is the present one or one of the last five. */
export async function requireUnusedPassword(
  database: Database,
  userId: number,
  presentHash: string,
  password: string,
): Promise<void> {
  const former = await database
    .select({ hash: userPasswords.hash })
    .from(userPasswords)
    .where(eq(userPasswords.userId, userId))
    .orderBy(desc(userPasswords.id))
    .limit(rememberedMax)
  for (const hash of [presentHash, ...former.map((row) => row.hash)]) {
    if (await verifyPassword(hash, password)) {
      throw new CodedError(
        'PASSWORD_WEAK',
        `The password was used before; the last ${rememberedMax} are not taken again`,
        { rule: 'history' },
      )
    }
  }
}
