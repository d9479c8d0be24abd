import type { Schemas } from '../../api/client.ts'

export type Samples = Schemas['RuleVersionText']['samples']

/** What is being written: kept on this device until it is saved, so that a reload loses nothing. */
export interface Draft {
  yaml: string
  samples: Samples
  /** Stored events to look at, by id. */
  eventIds: string[]
  /** Of the rule when writing began; undefined for one that is not stored. */
  revision: number | undefined
}

const prefix = 'watchfire.rule-draft.'

export function recallDraft(key: string): Draft | undefined {
  const text = localStorage.getItem(prefix + key)
  if (text === null) return undefined
  try {
    return JSON.parse(text) as Draft
  } catch {
    localStorage.removeItem(prefix + key)
    return undefined
  }
}

export function keepDraft(key: string, draft: Draft): void {
  localStorage.setItem(prefix + key, JSON.stringify(draft))
}

export function forgetDraft(key: string): void {
  localStorage.removeItem(prefix + key)
}

const noSamples: Samples = { fires: [], silent: [] }

/** A text to begin with, from a search or a stored event where one is given. */
export function newDraft(from: { query?: string; event?: { id: string; fields: Record<string, unknown> } }): Draft {
  const eventIds = from.event ? [from.event.id] : []
  const { product, selection } = from.event
    ? { product: undefined, selection: selectionOfEvent(from.event.fields) }
    : selectionOfQuery(from.query ?? '')
  const lines = [
    'title: New rule',
    `id: ${crypto.randomUUID()}`,
    'status: experimental',
    'level: medium',
    'description: ""',
    'tags:',
    '  - attack.execution',
    'logsource:',
    ...logsourceOf(from.event?.fields ?? { 'event.module': product }),
    'detection:',
    ...selection,
    'falsepositives:',
    '  - Unknown',
    '',
  ]
  return { yaml: lines.join('\n'), samples: noSamples, eventIds, revision: undefined }
}

function logsourceOf(fields: Record<string, unknown>): string[] {
  const product = fields['event.module']
  const dataset = fields['event.dataset']
  if (typeof product !== 'string') return ['  product: linux']
  const service = typeof dataset === 'string' ? dataset.replace(`${product}.`, '') : ''
  return [`  product: ${scalar(product)}`, ...(service && service !== product ? [`  service: ${scalar(service)}`] : [])]
}

const telling = ['event.action', 'event.code', 'event.outcome', 'process.name', 'process.command_line', 'user.name', 'url.path', 'destination.port', 'message'] // biome-ignore format: a list

function selectionOfEvent(fields: Record<string, unknown>): string[] {
  const named = telling.filter((name) => ['string', 'number', 'boolean'].includes(typeof fields[name])).slice(0, 4)
  const chosen = named.length > 1 ? named.filter((name) => name !== 'message') : named
  const items = chosen.map((name) => `    ${name}: ${scalar(String(fields[name]))}`)
  return ['  selection:', ...(items.length > 0 ? items : ['    message|contains: "…"']), '  condition: selection']
}

/** `field:value` terms joined by AND become a selection, those with NOT a filter; the rest is kept as a comment. */
function selectionOfQuery(query: string): { product: string | undefined; selection: string[] } {
  const wanted: string[] = []
  const unwanted: string[] = []
  const words: string[] = []
  const left: string[] = []
  let product: string | undefined
  const hasOr = /(^|\s)or(\s|$)/i.test(query.replace(/"(\\.|[^"\\])*"/g, '""'))
  const term = /\s*(not\s+|-)?(?:([\w@.-]+):)?("(?:\\.|[^"\\])*"|\S+)(?:\s+and(?=\s)|\s+|$)/giy
  for (let match = hasOr ? null : term.exec(query.trim()); match; match = term.exec(query.trim())) {
    const [all, not, field, raw] = match
    if (all === '') break
    const value = raw!.startsWith('"') ? raw!.slice(1, -1).replace(/\\(.)/g, '$1') : raw!
    if (/[()<>{}[\]]/.test(raw!.startsWith('"') ? '' : raw!)) left.push(all.trim())
    else if (field === 'event.module' && !not && !product) product = value
    else if (field) (not ? unwanted : wanted).push(`    ${itemOf(field, value)}`)
    else if (!not) words.push(`    - ${scalar(value)}`)
    else left.push(all.trim())
  }
  if (hasOr) left.push(query.trim())
  const parts = [...(wanted.length > 0 ? ['selection'] : []), ...(words.length > 0 ? ['keywords'] : [])]
  const selection = [
    ...left.map((text) => `  # ${text.replaceAll('\n', ' ')}`),
    ...(wanted.length > 0 ? ['  selection:', ...wanted] : []),
    ...(words.length > 0 ? ['  keywords:', ...words] : []),
    ...(parts.length === 0 ? ['  selection:', '    message|contains: "…"'] : []),
    ...(unwanted.length > 0 ? ['  filter:', ...unwanted] : []),
    `  condition: ${[...(parts.length > 0 ? parts : ['selection']), ...(unwanted.length > 0 ? ['not filter'] : [])].join(' and ')}`,
  ]
  return { product, selection }
}

function itemOf(field: string, value: string): string {
  if (value === '*') return `${field}|exists: true`
  return /^[\d.:a-f]+\/\d+$/i.test(value) ? `${field}|cidr: ${value}` : `${field}: ${scalar(value)}`
}

function scalar(value: string): string {
  return /^\d{1,15}$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`
}
