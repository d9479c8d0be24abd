import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { CodedError } from '../event/errors.ts'
import { createUtcOffset } from '../lib/utc-offset.ts'

const port = z.coerce.number().int().min(0).max(65535)
const boolean = z.union([
  z.boolean(),
  z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1'),
])

/** Every setting, its type and default. `httpPort` is `WATCHFIRE_HTTP_PORT` in the environment and `httpPort:` in YAML. */
const configSchema = z.strictObject({
  bind: z.string().default('127.0.0.1').describe('Address all listeners bind to.'),
  httpPort: port.default(8080).describe('Port of the web client and the API.'),
  syslogPort: port.default(5514).describe('UDP and TCP.'),
  flowPort: port
    .optional()
    .describe('UDP port for NetFlow v5 and v9, IPFIX and sFlow, e.g. 2055; closed unless it is set.'),
  dataDir: z.string().default('./data').describe('Folder of all data and keys.'),
  events: z.string().default('embedded').describe('`embedded` or the URL of a ClickHouse server.'),
  eventsCluster: z
    .string()
    .optional()
    .describe('Name of the cluster in the servers’ configuration, when `events` is a cluster.'),
  eventsWriter: z
    .string()
    .optional()
    .describe('`user:password` that inserts into, and that reads from, an external event store.'),
  eventsReader: z.string().optional().describe('`user:password` that reads from an external event store.'),
  state: z.string().default('embedded').describe('`embedded` or a `postgres://` URL.'),
  bus: z.enum(['local']).default('local').describe('`local` (segment files under dataDir).'),
  bootstrapToken: z
    .string()
    .min(1)
    .optional()
    .describe('An API token with all permissions, set at first start, for automation; 32 or more random characters.'),
  processThreads: z.coerce.number().int().min(1).max(64).default(1).describe('Threads that normalise and detect.'),
  retentionDays: z.coerce
    .number()
    .int()
    .min(1)
    .default(190)
    .describe('Days that events are kept; the law asks for at least six months.'),
  packetBytes: z.coerce
    .number()
    .int()
    .min(1 << 20)
    .default(4 * 2 ** 30)
    .describe('Bound of the packets kept of imported captures, in bytes; the oldest give way.'),
  packetDays: z.coerce
    .number()
    .int()
    .min(1)
    .default(30)
    .describe('Days that packets of imported captures are kept at most.'),
  busLimitBytes: z.coerce
    .number()
    .int()
    .min(1 << 20)
    .default(4 * 2 ** 30)
    .describe('Bound of the local bus’s backlog, in bytes; beyond it senders are refused.'),
  timeZone: z
    .string()
    .refine((name) => createUtcOffset(name) !== undefined, 'is no IANA time zone')
    .default(() => Intl.DateTimeFormat().resolvedOptions().timeZone)
    .describe(
      'IANA name of the zone of log times that name none (RFC 3164; a source’s own setting goes before it), and of the times in stories and mails. Default: the machine’s.',
    ),
  contentDir: z.string().optional().describe('Folders of further rules and sources, beside those that are shipped.'),
  geoCityFile: z
    .string()
    .optional()
    .describe(
      'An MMDB file of your own with cities or countries (MaxMind, DB-IP, ip-location-db); it goes before the countries that are shipped, and is held in memory once a process thread.',
    ),
  geoAsnFile: z
    .string()
    .optional()
    .describe(
      'An MMDB file of your own with autonomous systems (ASN); it goes before those that are shipped. Held in memory likewise.',
    ),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Least severe lines of the program log, on standard error.'),
  allowPrivateDestinations: boolean
    .default(false)
    .describe('Outbound connectors may reach private and loopback addresses (they may not by default: SSRF).'),
})

/** The settings as the reference lists them: variable, default (as text) and meaning. */
export function describeSettings(): { key: string; variable: string; default: string; meaning: string }[] {
  const defaults = configSchema.parse({}) as Record<string, unknown>
  return Object.entries(configSchema.shape).map(([key, setting]) => ({
    key,
    variable: variableName(key),
    default: key === 'timeZone' ? 'the machine’s' : String(defaults[key] ?? ''),
    meaning: setting.description ?? '',
  }))
}

export type Config = Readonly<z.infer<typeof configSchema>>

/**
 * Reads the YAML file (if named), lays the `WATCHFIRE_*` variables over it, validates and freezes. The only reader
 * of files and environment. Throws CONFIG_INVALID naming every wrong setting.
 */
export function loadConfig(environment: Record<string, string | undefined>, filePath?: string): Config {
  const fromFile = filePath ? readYaml(filePath) : {}
  const fromEnvironment: Record<string, string> = {}
  for (const key of Object.keys(configSchema.shape)) {
    const value = environment[variableName(key)]
    if (value !== undefined && value !== '') fromEnvironment[key] = value
  }
  const parsed = configSchema.safeParse({ ...fromFile, ...fromEnvironment })
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`)
    throw new CodedError('CONFIG_INVALID', `The configuration is invalid: ${problems.join('; ')}`, { problems })
  }
  return Object.freeze({ ...parsed.data, dataDir: resolve(parsed.data.dataDir) })
}

/** `httpPort` -> `WATCHFIRE_HTTP_PORT`. */
function variableName(key: string): string {
  return `WATCHFIRE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

function readYaml(filePath: string): Record<string, unknown> {
  try {
    const value: unknown = parse(readFileSync(filePath, 'utf8')) ?? {}
    if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError('the file must hold a map of settings')
    return value as Record<string, unknown>
  } catch (cause) {
    throw new CodedError(
      'CONFIG_INVALID',
      `${filePath} cannot be read: ${(cause as Error).message}`,
      { filePath },
      { cause },
    )
  }
}
