/**
 * Who acts, and what they may do. Separate powers (三权分立): the system administrator runs the platform, the
 * security roles work on events and incidents, the auditor reads what both did. No role holds two powers.
 */
const permissionsByPower = {
  system: ['unit:write', 'user:write', 'token:write', 'source:write', 'settings:write'],
  security: [
    'event:read',
    'event:export',
    'packet:read',
    'incident:read',
    'incident:write',
    'detection:read',
    'rule:read',
    'rule:draft',
    'rule:write',
    'exception:write',
    'notification:write',
    'import:write',
  ],
  audit: ['audit:read'],
  /** Reading what is needed to find one's way; every role has these. */
  common: ['unit:read', 'user:read', 'source:read', 'health:read', 'notification:read'],
  /** For programs that send records; only tokens hold it. */
  program: ['ingest'],
} as const

export type Permission = (typeof permissionsByPower)[keyof typeof permissionsByPower][number]

export type Role = 'system_administrator' | 'security_manager' | 'security_operator' | 'auditor'

const { system, security, audit, common, program } = permissionsByPower

export const permissionsByRole: Record<Role, readonly Permission[]> = {
  system_administrator: [...system, ...common],
  security_manager: [...security, ...common],
  security_operator: [
    ...security.filter((permission) => permission !== 'rule:write' && permission !== 'notification:write'),
    ...common,
  ],
  auditor: [...audit, ...common],
}

export const allPermissions: readonly Permission[] = [...system, ...security, ...audit, ...common, ...program]

export interface Actor {
  kind: 'user' | 'token' | 'system'
  /** User id, token id, or the name of the part of the program that acts. */
  id: string
  name: string
  /** Materialised path of the unit the actor belongs to; it sees this unit and all below (prefix match). */
  unitPath: string
  permissions: ReadonlySet<Permission>
  /** Peer address of the request, for the audit row. */
  address?: string
}

/** The program itself: sees the root unit, holds everything, is named in the audit row. */
export function systemActor(name: string): Actor {
  return { kind: 'system', id: name, name, unitPath: '/', permissions: new Set(allPermissions) }
}

/** True when `unitPath` is the actor's unit or lies below it. */
export function covers(actor: Actor, unitPath: string): boolean {
  return unitPath.startsWith(actor.unitPath)
}
