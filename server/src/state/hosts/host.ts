import { hostFacts, hosts } from '../../seams/store/schema/traffic.ts'

export interface HostFact {
  kind: string
  value: string
  origin: string
  count: number
  firstSeenAt: Date
  lastSeenAt: Date
}

/** An address seen in traffic, and what was observed of it. */
export interface Host {
  id: number
  unitPath: string
  address: string
  firstSeenAt: Date
  lastSeenAt: Date
  facts: HostFact[]
}

export const hostColumns = {
  id: hosts.id,
  unitPath: hosts.unitPath,
  address: hosts.address,
  firstSeenAt: hosts.firstSeenAt,
  lastSeenAt: hosts.lastSeenAt,
}

export const factColumns = {
  hostId: hostFacts.hostId,
  kind: hostFacts.kind,
  value: hostFacts.value,
  origin: hostFacts.origin,
  count: hostFacts.count,
  firstSeenAt: hostFacts.firstSeenAt,
  lastSeenAt: hostFacts.lastSeenAt,
}
