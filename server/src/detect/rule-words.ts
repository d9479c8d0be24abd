import type { RuleAttribution } from '../event/event.ts'
import type { SigmaDocument } from './sigma/document.ts'
import { scalarText, type YamlValue } from './sigma/yaml.ts'

/** What a rule of ours says beyond Sigma, under its key `watchfire`; undefined where it says nothing. */
export function ownWord({ custom }: Pick<SigmaDocument, 'custom'>, ...path: string[]): YamlValue | undefined {
  return path.reduce<YamlValue | undefined>(
    (value, key) => (value instanceof Map ? value.get(key) : undefined),
    custom.get('watchfire'),
  )
}

/** The rule's title in Chinese; undefined for rules that have none, most of them from elsewhere. */
export function chineseTitle(document: Pick<SigmaDocument, 'custom'>): string | undefined {
  const title = ownWord(document, 'title')
  return title === undefined ? undefined : scalarText(title) || undefined
}

const attributions = new WeakMap<SigmaDocument, { ruleAttribution?: RuleAttribution }>()
const attributionLimit = 500

/** Author, licence and first reference of a rule, each cut at 500 characters; nothing when it names none. */
export function attributionOf(document: SigmaDocument): { ruleAttribution?: RuleAttribution } {
  let known = attributions.get(document)
  if (!known) {
    const told = {
      author: document.author,
      license: scalarText(document.custom.get('license')) || undefined,
      reference: document.references[0],
    }
    const entries = Object.entries(told).flatMap(([name, text]) =>
      text ? [[name, text.slice(0, attributionLimit)]] : [],
    )
    known = entries.length === 0 ? {} : { ruleAttribution: Object.fromEntries(entries) as RuleAttribution }
    attributions.set(document, known)
  }
  return known
}

/** Title of a rule and what follows it in one line, in both languages; without Chinese where the rule has no Chinese title. */
export function titledWords(
  { title, titleZh }: { title: string; titleZh?: string | undefined },
  rest: string,
): { ruleTitle: string; ruleTitleZh?: string; summary: string; summaryZh?: string } {
  const words = { ruleTitle: title, summary: rest === '' ? title : `${title}: ${rest}` }
  if (titleZh === undefined) return words
  return { ...words, ruleTitleZh: titleZh, summaryZh: rest === '' ? titleZh : `${titleZh}：${rest}` }
}
