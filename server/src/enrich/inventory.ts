import { CidrTable } from '../lib/cidr-table.ts'

/** An asset as far as events are concerned; see state/assets. */
export interface EnrichAsset {
  id: number
  name: string
  /** Canonical addresses and ranges. */
  addresses: string[]
  /** Lower case; one that begins with a dot stands for everything below that domain. */
  hostNames: string[]
  criticality: string
  unitPath: string
}

/** Finds the asset an address or a host name belongs to. */
export interface Inventory {
  byAddress(address: string): EnrichAsset | undefined
  byHost(name: string): EnrichAsset | undefined
}

export function createInventory(assets: readonly EnrichAsset[]): Inventory {
  const networks = new CidrTable<EnrichAsset>()
  const hosts = new Map<string, EnrichAsset>()
  for (const asset of assets) {
    for (const address of asset.addresses) networks.add(address, asset)
    for (const name of asset.hostNames) hosts.set(name.toLowerCase(), asset)
  }
  return {
    byAddress: (address) => networks.find(address),
    byHost(name) {
      if (hosts.size === 0) return undefined
      const lower = name.toLowerCase()
      const exact = hosts.get(lower)
      if (exact) return exact
      for (let dot = lower.indexOf('.'); dot >= 0; dot = lower.indexOf('.', dot + 1)) {
        const below = hosts.get(lower.slice(dot))
        if (below) return below
      }
      // `portal` in a log and `portal.example.gov.cn` in the inventory, or the other way round, are the same host only
      // when the inventory says so with the short name.
      const short = lower.indexOf('.')
      return short > 0 ? hosts.get(lower.slice(0, short)) : undefined
    },
  }
}
