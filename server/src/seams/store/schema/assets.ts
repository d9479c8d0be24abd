import { bigint, customType, index, integer, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'
import type { Severity } from '../../../event/event.ts'
import { units } from './identity.ts'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })
const cidr = customType<{ data: string }>({ dataType: () => 'cidr' })

/** What a unit owns and answers for. */
export const assets = pgTable(
  'assets',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    name: text('name').notNull(),
    kind: text('kind').notNull(),
    criticality: text('criticality').$type<'low' | 'medium' | 'high' | 'critical'>().notNull(),
    owner: text('owner'),
    unitId: bigint('unit_id', { mode: 'number' })
      .notNull()
      .references(() => units.id),
    unitPath: text('unit_path').notNull(),
    tags: text('tags').array().notNull(),
    /** Rises with every change a person makes. */
    version: integer('version').notNull().default(1),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (table) => [
    unique('assets_name').on(table.unitId, table.name),
    index('assets_unit').on(table.unitPath.op('text_pattern_ops')),
  ],
)

/** Addresses and ranges of assets. */
export const assetNetworks = pgTable(
  'asset_networks',
  {
    assetId: bigint('asset_id', { mode: 'number' })
      .notNull()
      .references(() => assets.id, { onDelete: 'cascade' }),
    network: cidr('network').notNull(),
  },
  (table) => [
    index('asset_networks_network').using('gist', table.network.op('inet_ops')),
    index('asset_networks_asset').on(table.assetId),
  ],
)

/** Host names of assets, lower case; one that begins with a dot stands for everything below that domain. */
export const assetHosts = pgTable(
  'asset_hosts',
  {
    assetId: bigint('asset_id', { mode: 'number' })
      .notNull()
      .references(() => assets.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
  },
  (table) => [index('asset_hosts_name').on(table.name), index('asset_hosts_asset').on(table.assetId)],
)

/** What is known to be bad: addresses, names, hashes. */
export const indicators = pgTable(
  'indicators',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    type: text('type').$type<'ip' | 'cidr' | 'domain' | 'url' | 'sha256' | 'sha1' | 'md5' | 'email'>().notNull(),
    /** Canonical. */
    value: text('value').notNull(),
    severity: text('severity').$type<Severity>().notNull(),
    /** 0 to 100. */
    confidence: integer('confidence').notNull(),
    description: text('description').notNull(),
    /** Where it came from: a feed, a file, a person. */
    origin: text('origin').notNull(),
    unitId: bigint('unit_id', { mode: 'number' })
      .notNull()
      .references(() => units.id),
    /** It is looked for in events of this unit and below. */
    unitPath: text('unit_path').notNull(),
    expiresAt: time('expires_at'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (table) => [
    unique('indicators_value').on(table.unitId, table.type, table.value),
    index('indicators_lookup').on(table.value),
    index('indicators_unit').on(table.unitPath.op('text_pattern_ops'), table.id),
  ],
)
