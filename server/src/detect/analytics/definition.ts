import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'

const bilingual = z.strictObject({ zh: z.string().trim(), en: z.string().trim() })
const bilingualList = z.strictObject({ zh: z.array(z.string()), en: z.array(z.string()) })
const minutes = (max: number) => z.number().int().min(1).max(max)

const definitionFile = z.strictObject({
  id: z.string().min(8).max(100),
  title: z.string().trim().min(1),
  titleZh: z.string().trim().min(1),
  description: z.string().trim(),
  descriptionZh: z.string().trim(),
  severity: z.enum(['informational', 'low', 'medium', 'high', 'critical']),
  tags: z.array(z.string()),
  /** Length of a window, and how often one is due. */
  everyMinutes: minutes(1440),
  /** How long after its end a window is run. */
  delayMinutes: minutes(720),
  /** When it is run again, if events of the window came after the first run. */
  lateAfterMinutes: minutes(10_080),
  lookBackDays: z.number().int().min(0).max(366),
  logsource: z.strictObject({
    product: z.string().optional(),
    category: z.string().optional(),
    service: z.string().optional(),
  }),
  /** ECS fields the SQL lives on. */
  fields: z.array(z.string()),
  falsePositives: z.array(z.string()),
  misses: bilingual,
  steps: bilingualList,
  /** How the rows of the SQL are weighed (detect/behaviour); the same score also runs on the stream. */
  score: z.enum(['beacon', 'dns_tunnel', 'icmp_channel']).optional(),
  /** End of the window on which the samples fire and stay silent. */
  sample: z.iso.datetime(),
})

/** A scheduled detection over stored events: content/analytics/NAME.yml with NAME.sql. */
export interface Analytic extends z.output<typeof definitionFile> {
  name: string
  sql: string
}

/**
 * The analytics of the content folders, in the order of their names; a later folder replaces what has the same name. Throws
 * CONFIG_INVALID naming the file.
 */
export function loadAnalytics(contentDirs: readonly string[]): Analytic[] {
  const byName = new Map<string, Analytic>()
  for (const folder of contentDirs.map((dir) => join(dir, 'analytics')).filter((path) => existsSync(path))) {
    for (const file of readdirSync(folder).sort()) {
      if (!file.endsWith('.yml')) continue
      const name = file.slice(0, -'.yml'.length)
      byName.set(name, readAnalytic(folder, name))
    }
  }
  return [...byName.values()]
}

function readAnalytic(folder: string, name: string): Analytic {
  const path = join(folder, `${name}.yml`)
  try {
    const definition = definitionFile.parse(parse(readFileSync(path, 'utf8')))
    return { ...definition, name, sql: readFileSync(join(folder, `${name}.sql`), 'utf8') }
  } catch (cause) {
    throw new CodedError('CONFIG_INVALID', `${path} cannot be used: ${(cause as Error).message}`, { path }, { cause })
  }
}
