import { type SQL, sql } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import type { Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { rootUnitPath } from '../units/unit.ts'

/**
 * An asset decides to which unit an event belongs, so claiming an address is claiming what is seen of it. Two rules keep
 * one unit from claiming what another's is:
 * - Addresses and names of two assets overlap only when one's unit lies at or above the other's: a range of a city may hold
 *   the server of its bureau, not that of a neighbour.
 * - Whoever does not belong to the root unit claims only inside what the asset's unit, or one above it, was given: a
 *   range, or a domain written with a leading dot (`.dsj.example.gov.cn`).
 * Throws CONFLICT for the first rule, FORBIDDEN for the second, both naming the address or name. The lock it takes is held
 * until the transaction ends, so that two claims made at once see each other.
 */
export async function requireClaims(
  transaction: Transaction,
  actor: Actor,
  asset: Claim,
  /** What the asset did not hold before; the second rule is about these. */
  fresh: Pick<Claim, 'addresses' | 'hostNames'> = asset,
): Promise<void> {
  if (asset.addresses.length === 0 && asset.hostNames.length === 0) return
  await transaction.execute(sql`SELECT pg_advisory_xact_lock(hashtext('asset_claims'))`)
  const taken = (await overlappingAddress(transaction, asset)) ?? (await overlappingName(transaction, asset))
  if (taken !== undefined) {
    throw new CodedError('CONFLICT', `${taken} belongs to an asset of another unit`, { claim: taken })
  }
  if (rootUnitPath.startsWith(actor.unitPath)) return
  const ungranted =
    (await ungrantedAddress(transaction, asset.unitPath, fresh.addresses)) ??
    (await ungrantedName(transaction, asset.unitPath, fresh.hostNames))
  if (ungranted !== undefined) {
    const message = `${ungranted} lies in no range or domain that was given to the unit`
    throw new CodedError('FORBIDDEN', message, { claim: ungranted })
  }
}

interface Claim {
  /** null before it is made. */
  id: number | null
  unitPath: string
  addresses: string[]
  hostNames: string[]
}

/** An asset whose unit is neither at or above `unitPath` nor below it. */
function isStranger({ id, unitPath }: Claim): SQL {
  return sql`(a.id IS DISTINCT FROM ${id}::bigint AND NOT starts_with(a.unit_path, ${unitPath}) AND NOT starts_with(${unitPath}, a.unit_path))`
}

async function overlappingAddress(transaction: Transaction, claim: Claim): Promise<string | undefined> {
  return firstClaim(
    transaction,
    sql`SELECT c.claim FROM unnest(${sql.param(claim.addresses)}::text[]) AS c (claim)
      JOIN asset_networks n ON n.network && c.claim::inet JOIN assets a ON a.id = n.asset_id
      WHERE ${isStranger(claim)} LIMIT 1`,
  )
}

async function overlappingName(transaction: Transaction, claim: Claim): Promise<string | undefined> {
  const covering = claim.hostNames.flatMap((name) => coveringNames(name))
  const known = await firstClaim(
    transaction,
    sql`SELECT h.name AS claim FROM asset_hosts h JOIN assets a ON a.id = h.asset_id
      WHERE h.name = ANY(${sql.param(covering)}::text[]) AND ${isStranger(claim)} LIMIT 1`,
  )
  const domains = claim.hostNames.filter((name) => name.startsWith('.'))
  if (known !== undefined || domains.length === 0) return known
  // A domain takes in every name below it: no index helps, but domains are few and given by the root unit.
  return firstClaim(
    transaction,
    sql`SELECT c.claim FROM unnest(${sql.param(domains)}::text[]) AS c (claim)
      JOIN asset_hosts h ON right('.' || ltrim(h.name, '.'), length(c.claim)) = c.claim JOIN assets a ON a.id = h.asset_id
      WHERE ${isStranger(claim)} LIMIT 1`,
  )
}

/** The name itself and every domain, with its leading dot, that takes it in. */
function coveringNames(name: string): string[] {
  const labels = name.replace(/^\./, '').split('.')
  return [name, ...labels.map((_, index) => `.${labels.slice(index).join('.')}`)]
}

async function ungrantedAddress(
  transaction: Transaction,
  unitPath: string,
  addresses: string[],
): Promise<string | undefined> {
  return firstClaim(
    transaction,
    sql`SELECT c.claim FROM unnest(${sql.param(addresses)}::text[]) AS c (claim) WHERE NOT EXISTS (
      SELECT 1 FROM asset_networks n JOIN assets a ON a.id = n.asset_id
      WHERE n.network >>= c.claim::inet AND starts_with(${unitPath}, a.unit_path)) LIMIT 1`,
  )
}

async function ungrantedName(
  transaction: Transaction,
  unitPath: string,
  hostNames: string[],
): Promise<string | undefined> {
  for (const name of hostNames) {
    const domains = coveringNames(name).filter((covering) => covering.startsWith('.'))
    const granted = await firstClaim(
      transaction,
      sql`SELECT h.name AS claim FROM asset_hosts h JOIN assets a ON a.id = h.asset_id
        WHERE h.name = ANY(${sql.param(domains)}::text[]) AND starts_with(${unitPath}, a.unit_path) LIMIT 1`,
    )
    if (granted === undefined) return name
  }
  return undefined
}

async function firstClaim(transaction: Transaction, query: SQL): Promise<string | undefined> {
  const { rows } = await transaction.execute<{ claim: string }>(query)
  return rows[0]?.claim
}
