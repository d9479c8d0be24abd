import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { CodedError } from '../event/errors.ts'

const port = z.coerce.number().int().min(0).max(65535)
const boolean = z.union([
  z.boolean(),
  z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1'),
])

/** Every setting, its type and default. `httpPort` is `WATCHFIRE_HTTP_PORT` in the environment and `httpPort:` in YAML. */
const configSchema = z.strictObject({
  /** Address all listeners bind to. */
  bind: z.string().default('127.0.0.1'),
  httpPort: port.default(8080),
  /** UDP and TCP. */
  syslogPort: port.default(5514),
  dataDir: z.string().default('./data'),
  /** `embedded` or the URL of a ClickHouse server. */
  events: z.string().default('embedded'),
  /** Name of the cluster in the servers' configuration, when `events` is a cluster. */
  eventsCluster: z.string().optional(),
  /** `user:password` that inserts into, and that reads from, an external event store. */
  eventsWriter: z.string().optional(),
  eventsReader: z.string().optional(),
  /** `embedded` or a `postgres://` URL. */
  state: z.string().default('embedded'),
  /** `local` (segment files under dataDir). */
  bus: z.enum(['local']).default('local'),
  /** An API token set at first start, for automation. */
  bootstrapToken: z.string().min(16).optional(),
  /** Threads that normalise and detect. */
  processThreads: z.coerce.number().int().min(1).max(64).default(1),
  /** Days that events are kept; the law asks for at least six months. */
  retentionDays: z.coerce.number().int().min(1).default(190),
  /** Bound of the local bus's backlog, in bytes; beyond it senders are refused. */
  busLimitBytes: z.coerce
    .number()
    .int()
    .min(1 << 20)
    .default(4 * 2 ** 30),
  /** IANA name of the zone of log times that name none (RFC 3164); a source's own setting goes before it. Default: the machine's. */
  timeZone: z.string().default(() => Intl.DateTimeFormat().resolvedOptions().timeZone),
  /** Folders of further rules and sources, beside those that are shipped. */
  contentDir: z.string().optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  /** Outbound connectors may reach private and loopback addresses (they may not by default: SSRF). */
  allowPrivateDestinations: boolean.default(false),
})

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
