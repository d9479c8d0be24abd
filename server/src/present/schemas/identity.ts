import { z } from 'zod'
import { allPermissions, type Permission } from '../../state/actor.ts'

export const role = z
  .enum(['system_administrator', 'security_manager', 'security_operator', 'auditor'])
  .meta({ id: 'Role' })

export const unitKind = z.enum(['province', 'city', 'county', 'unit'])

export const unit = z
  .object({
    id: z.number().int(),
    kind: unitKind,
    name: z.string(),
    code: z.string().nullable().describe('Administrative division or unified social credit code.'),
    parentId: z.number().int().nullable(),
    path: z.string().describe('Materialised path, e.g. `/1/12/`.'),
    version: z.number().int().describe('Rises with every change a person makes; the ETag.'),
    createdAt: z.date(),
  })
  .meta({ id: 'Unit' })

export const listedUnit = unit
  .extend({ childCount: z.number().int(), userCount: z.number().int() })
  .meta({ id: 'ListedUnit' })

export const unitInput = z.object({
  kind: unitKind,
  code: z.string().trim().min(1).max(32).nullable().optional(),
  name: z.string().trim().min(1).max(200),
  parentId: z.number().int().min(1),
})

export const user = z
  .object({
    id: z.number().int(),
    name: z.string().describe('Sign-in name.'),
    displayName: z.string(),
    role,
    unitId: z.number().int(),
    unitPath: z.string(),
    unitName: z.string(),
    disabled: z.boolean(),
    mustChangePassword: z.boolean(),
    totpEnabled: z.boolean(),
    passwordChangedAt: z.date(),
    lastSignInAt: z.date().nullable(),
    version: z.number().int().describe('Rises with every change a person makes; the ETag.'),
    createdAt: z.date(),
  })
  .meta({ id: 'User' })

export const userInput = z.object({
  name: z.string().min(1).max(256),
  displayName: z.string().trim().min(1).max(100),
  role,
  unitId: z.number().int().min(1),
})

export const userChange = z
  .object({
    displayName: z.string().trim().min(1).max(100),
    role,
    unitId: z.number().int().min(1),
    disabled: z.boolean(),
  })
  .partial()

/** Shown once, to be handed over out of band; the user has to change it at the first sign-in. */
export const oneTimePassword = z.object({ user, oneTimePassword: z.string() }).meta({ id: 'UserWithPassword' })

export const me = z
  .object({
    kind: z.enum(['user', 'token']),
    user: z
      .object({ id: z.number().int(), name: z.string(), displayName: z.string(), role, totpEnabled: z.boolean() })
      .nullable()
      .describe('Null for a token.'),
    name: z.string(),
    permissions: z.array(z.string()),
    unit: z.object({ id: z.number().int(), name: z.string(), path: z.string() }),
    csrfToken: z.string().nullable().describe('Send as `x-csrf-token` with every unsafe request of this session.'),
    mustChangePassword: z.boolean(),
  })
  .meta({ id: 'Me' })

export const totpEnrolment = z
  .object({ secret: z.string(), uri: z.string().describe('For the QR code.') })
  .meta({ id: 'TotpEnrolment' })

/** Each signs in once when the device is lost; shown once. */
export const recoveryCodes = z.object({ recoveryCodes: z.array(z.string()) }).meta({ id: 'RecoveryCodes' })

export const signInInput = z.object({
  name: z.string().min(1).max(200),
  password: z.string().min(1).max(512),
  code: z.string().max(64).optional().describe('TOTP or recovery code, when the answer was TOTP_REQUIRED.'),
})

export const session = z
  .object({
    id: z.string(),
    address: z.string(),
    userAgent: z.string(),
    createdAt: z.date(),
    lastSeenAt: z.date(),
    expiresAt: z.date(),
    current: z.boolean(),
  })
  .meta({ id: 'Session' })

export const token = z
  .object({
    id: z.string(),
    name: z.string(),
    bootstrap: z.boolean().describe('Set at first start from the configuration.'),
    hint: z.string().describe('The last characters of the secret, to recognise it by.'),
    permissions: z.array(z.string()),
    unitId: z.number().int(),
    unitPath: z.string(),
    ownerName: z.string().nullable(),
    createdAt: z.date(),
    expiresAt: z.date().nullable(),
    lastUsedAt: z.date().nullable(),
    revokedAt: z.date().nullable(),
  })
  .meta({ id: 'Token' })

export const tokenInput = z.object({
  name: z.string().trim().min(1).max(100),
  permissions: z.array(z.enum(allPermissions as [Permission, ...Permission[]])).min(1),
  unitId: z.number().int().min(1).optional().describe('Your own unit when left out.'),
  expiresAt: z.iso.datetime({ offset: true }).describe('Every token ends.'),
})

/** The secret is shown once and never again. */
export const tokenCreated = z.object({ token, secret: z.string() }).meta({ id: 'TokenCreated' })

export const auditRow = z
  .object({
    sequence: z.number().int(),
    at: z.date(),
    actorKind: z.string(),
    actorId: z.string(),
    actorName: z.string(),
    address: z.string().nullable(),
    action: z.string(),
    target: z.string(),
    unitPath: z.string(),
    detail: z.record(z.string(), z.unknown()),
    hash: z.string(),
  })
  .meta({ id: 'AuditRow' })

export const auditVerification = z
  .object({
    intact: z.boolean(),
    rows: z.number().int(),
    heads: z.number().int().describe('Signed heads kept outside the database that were checked.'),
    keyId: z.string().nullable().describe('Id of the signing key in use, to compare with a note kept elsewhere.'),
    problem: z
      .object({ sequence: z.number().int(), kind: z.string(), message: z.string() })
      .nullable()
      .describe('The first broken, missing or recomputed row.'),
  })
  .meta({ id: 'AuditVerification' })
