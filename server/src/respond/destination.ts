import { lookup } from 'node:dns/promises'
import { CodedError } from '../event/errors.ts'
import { CidrTable } from '../lib/cidr-table.ts'
import { canonicalIp, isIpv4, isPrivateIp } from '../lib/ip-address.ts'

/**
 * Ranges beside `isPrivateIp` that lead inside or nowhere: IANA special-purpose registries (RFC 6890), addresses in
 * which an IPv4 address hides (RFC 6052, 3056, 4380), and the metadata service of one cloud that lies on a public address.
 */
const inward = new CidrTable<true>()
for (const range of [
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '168.63.129.16/32',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'ff00::/8',
  '::/96',
]) {
  if (!inward.add(range, true)) throw new TypeError(`${range} is no range`)
}

/** Where a connection goes: the address is the one that was judged, so that a name cannot change its mind after. */
export interface Destination {
  address: string
  family: 4 | 6
}

export type Resolve = (host: string) => Promise<string[]>

const resolveWithSystem: Resolve = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address)

/** True for an address a connector may reach without `allowPrivateDestinations`. */
export function isOutward(address: string): boolean {
  const canonical = canonicalIp(address)
  return canonical !== undefined && !isPrivateIp(canonical) && inward.find(canonical) === undefined
}

/**
 * The address to connect to for `host` (a name, or an address with or without brackets). Unless private destinations
 * are allowed, every address of the name must lead outward. Throws DESTINATION_REFUSED, and what the resolver throws.
 */
export async function resolveDestination(
  host: string,
  { allowPrivate, resolve = resolveWithSystem }: { allowPrivate: boolean; resolve?: Resolve },
): Promise<Destination> {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  const literal = canonicalIp(bare)
  const addresses = literal === undefined ? await resolve(bare) : [literal]
  const refused = addresses.find((address) => !allowPrivate && !isOutward(address))
  if (refused !== undefined) {
    throw new CodedError('DESTINATION_REFUSED', `${bare} leads to ${refused}, which is not outside`, { host: bare })
  }
  const [address] = addresses
  if (address === undefined) throw new CodedError('DESTINATION_REFUSED', `${bare} has no address`, { host: bare })
  return { address, family: isIpv4(address) ? 4 : 6 }
}
