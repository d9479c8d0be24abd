import { bigint, boolean, customType, index, integer, pgTable, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** The tree of units: 省-市-县-单位. `path` is materialised from ids, `/1/12/`; the root is id 1. */
export const units = pgTable(
  'units',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedByDefaultAsIdentity({ startWith: 2 }),
    parentId: bigint('parent_id', { mode: 'number' }),
    kind: text('kind').$type<'province' | 'city' | 'county' | 'unit'>().notNull(),
    name: text('name').notNull(),
    /** Administrative division or unified social credit code; unique where given. */
    code: text('code').unique(),
    path: text('path').notNull().unique(),
    /** Rises with every change a person makes. */
    version: integer('version').notNull().default(1),
    createdAt: time('created_at').notNull(),
  },
  (table) => [
    index('units_path_prefix').on(table.path.op('text_pattern_ops')),
    uniqueIndex('units_sibling_name').on(table.parentId, table.name),
  ],
)

/** People. Never deleted, only disabled: the audit names them. */
export const users = pgTable(
  'users',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedByDefaultAsIdentity(),
    /** Sign-in name, NFKC and lower case. */
    name: text('name').notNull().unique(),
    displayName: text('display_name').notNull(),
    unitId: bigint('unit_id', { mode: 'number' })
      .notNull()
      .references(() => units.id),
    role: text('role').$type<'system_administrator' | 'security_manager' | 'security_operator' | 'auditor'>().notNull(),
    /** argon2id in PHC form. */
    passwordHash: text('password_hash').notNull(),
    passwordChangedAt: time('password_changed_at').notNull(),
    mustChangePassword: boolean('must_change_password').notNull(),
    /** A one-time password is refused after this moment; null when it does not lapse. */
    oneTimePasswordUntil: time('one_time_password_until'),
    disabled: boolean('disabled').notNull().default(false),
    /** True once a TOTP enrolment was confirmed; the seed lies in `secrets` as `totp:<id>`. */
    totpEnabled: boolean('totp_enabled').notNull().default(false),
    /** Last 30 s step that was accepted: the same code is never accepted twice. */
    totpLastStep: bigint('totp_last_step', { mode: 'number' }).notNull().default(0),
    lastSignInAt: time('last_sign_in_at'),
    /** Rises with every change an administrator makes of name, role, unit and activity. */
    version: integer('version').notNull().default(1),
    createdAt: time('created_at').notNull(),
  },
  (table) => [index('users_unit').on(table.unitId)],
)

/** Former password hashes, so that a password is not taken again. */
export const userPasswords = pgTable(
  'user_passwords',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    userId: bigint('user_id', { mode: 'number' })
      .notNull()
      .references(() => users.id),
    hash: text('hash').notNull(),
    createdAt: time('created_at').notNull(),
  },
  (table) => [index('user_passwords_user').on(table.userId, table.id)],
)

/** Single-use codes for when the TOTP device is lost; random, so a plain SHA-256 is enough. */
export const recoveryCodes = pgTable(
  'recovery_codes',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    userId: bigint('user_id', { mode: 'number' })
      .notNull()
      .references(() => users.id),
    hash: bytes('hash').notNull(),
    usedAt: time('used_at'),
  },
  (table) => [index('recovery_codes_user').on(table.userId)],
)

/** Signed-in people. The token itself is only with the browser; here lies its SHA-256. */
export const sessions = pgTable(
  'sessions',
  {
    id: text('id').primaryKey(),
    tokenHash: bytes('token_hash').notNull().unique(),
    userId: bigint('user_id', { mode: 'number' })
      .notNull()
      .references(() => users.id),
    createdAt: time('created_at').notNull(),
    lastSeenAt: time('last_seen_at').notNull(),
    expiresAt: time('expires_at').notNull(),
    address: text('address').notNull(),
    userAgent: text('user_agent').notNull(),
    endedAt: time('ended_at'),
    endReason: text('end_reason').$type<
      'signed_out' | 'revoked' | 'password' | 'disabled' | 'role' | 'unit' | 'too_many'
    >(),
  },
  (table) => [index('sessions_user').on(table.userId, table.createdAt), index('sessions_created').on(table.createdAt)],
)

/** Counts of failed sign-ins by `account:<name>` and `address:<ip>`. */
export const signInLimits = pgTable(
  'sign_in_limits',
  {
    key: text('key').primaryKey(),
    failures: integer('failures').notNull(),
    windowStartedAt: time('window_started_at').notNull(),
    lockedUntil: time('locked_until'),
    /** Attempts that were refused untried: they are counted here, not audited one by one. */
    refused: integer('refused').notNull().default(0),
    /** Whether the last attempt was admitted: how the one statement that counts tells its caller. */
    admitted: boolean('admitted').notNull(),
  },
  (table) => [index('sign_in_limits_window').on(table.windowStartedAt)],
)

/** Bearer tokens for programs. Only the SHA-256 is kept; `hint` is the last characters, to recognise one by. */
export const tokens = pgTable(
  'tokens',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    tokenHash: bytes('token_hash').notNull().unique(),
    hint: text('hint').notNull(),
    permissions: text('permissions').array().notNull(),
    unitId: bigint('unit_id', { mode: 'number' })
      .notNull()
      .references(() => units.id),
    /** The person who made it; null for the bootstrap token and for tokens made by a token. */
    ownerId: bigint('owner_id', { mode: 'number' }).references(() => users.id),
    /** The token that made it: revoked with it. */
    parentId: text('parent_id'),
    /** Set at first start from the configuration. */
    bootstrap: boolean('bootstrap').notNull().default(false),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at'),
    lastUsedAt: time('last_used_at'),
    revokedAt: time('revoked_at'),
  },
  (table) => [index('tokens_owner').on(table.ownerId), index('tokens_created').on(table.createdAt, table.id)],
)
