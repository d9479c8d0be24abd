import { severityRank } from '../event/event.ts'
import type { Bilingual, EntityFact, IncidentFacts, RuleFact } from '../event/incident.ts'
import { isPrivateIp } from '../lib/ip-address.ts'
import { localTimeText, type UtcOffset, utcOffsetText } from '../lib/utc-offset.ts'
import { countryName } from './countries.ts'
import { attackedHosts, successAfterAttempt } from './score.ts'
import { type AttackLookup, orderTactics, stageChain } from './stage.ts'
import { countText, joinEnglish, listText, shortTimeText, shortValue, shortWords, spanText, typeName } from './words.ts'

type Language = 'zh' | 'en'

interface Teller {
  facts: IncidentFacts
  attack: AttackLookup
  /** Of all times in the text: that of the zone when it began. */
  utcOffsetMs: number
  language: Language
}

/** Most stages told one by one, and rules named in each. */
const stageLimit = 8
const ruleLimit = 3
const titleLength = 200

/** What happened in one line: the worst or furthest step, who did it, to what. Made from the facts alone. */
export function title(facts: IncidentFacts, attack: AttackLookup): Bilingual {
  const worst = worstRule(facts.rules)
  const actor = mainActor(facts.entities)
  const targets = attackedHosts(facts.entities).filter((target) => target !== actor)
  // The stages the score counts, so that title, score and lists say the same.
  const stages = stageChain(facts.rules, attack)
  const what = (language: Language) => {
    if (stages.length < 2 || facts.rules.length < 2) return titleIn(worst, language)
    const last = attack.tactics.get(stages.at(-1)!)![language]
    return language === 'zh'
      ? `${stages.length} 个阶段的攻击，已进展至${last}`
      : `Attack in ${stages.length} stages up to ${last}`
  }
  const target = targets[0]
  const more = targets.length - 1
  const zh = [what('zh')]
  const en = [what('en')]
  if (actor && target) {
    zh.push(
      `：${shortValue(actor.value)} → ${shortValue(target.value)}${more > 0 ? ` 等 ${targets.length} 个目标` : ''}`,
    )
    en.push(`: ${shortValue(actor.value)} → ${shortValue(target.value)}${more > 0 ? ` and ${more} more` : ''}`)
  } else if (actor ?? target) {
    zh.push(`：${shortValue((actor ?? target)!.value)}`)
    en.push(`: ${shortValue((actor ?? target)!.value)}`)
  }
  return { zh: zh.join('').slice(0, titleLength), en: en.join('').slice(0, titleLength) }
}

/**
 * One paragraph from the evidence: when, who and from where, what they did in order with counts, what it led to, whom
 * it touched, and what the evidence does not say. The same facts give the same text.
 */
export function story(facts: IncidentFacts, attack: AttackLookup, utcOffset: UtcOffset): Bilingual {
  const utcOffsetMs = utcOffset(facts.firstMs)
  const tell = (language: Language) => {
    const teller: Teller = { facts, attack, utcOffsetMs, language }
    // The opening says all there is to say of a single rule.
    const middle = facts.rules.length > 1 ? steps(teller) : []
    const sentences = [opening(teller), ...middle, ...outcome(teller), reach(teller), unknown(teller)]
    return sentences.filter((sentence) => sentence !== '').join(language === 'zh' ? '' : ' ')
  }
  return { zh: tell('zh'), en: tell('en') }
}

function opening(teller: Teller): string {
  const { facts, language } = teller
  const actor = mainActor(facts.entities)
  const targets = attackedHosts(facts.entities).filter((target) => target !== actor)
  if (language === 'zh') return `${when(teller)}，${activityInChinese(actor, targets)}触发${whatFired(teller)}。`
  const against = targets.length > 0 ? ` against ${listed(targets, 'en')}` : ''
  if (!actor) return `${when(teller)}, activity of unknown origin${against} set off ${whatFired(teller)}.`
  const acted = against ? ` acted${against} and` : ''
  return `${when(teller)}, ${describe(actor, 'en')}${acted} set off ${whatFired(teller)}.`
}

/** `来自地址 203.0.113.7（SG）、针对主机 portal-01 的活动` */
function activityInChinese(actor: EntityFact | undefined, targets: EntityFact[]): string {
  const who = actor ? `${actor.type === 'ip' ? '来自' : ''}${describe(actor, 'zh')}` : '来源不明'
  const whom = targets.length > 0 ? `针对${listed(targets, 'zh')}` : ''
  const apart = !whom ? '' : actor && actor.type !== 'ip' ? (who.endsWith('）') ? '' : ' ') : '、'
  const both = `${who}${apart}${whom}`
  // Latin letters are set apart from Chinese; brackets and Chinese are not.
  return `${both}${/[\x21-\x7e]$/.test(both) ? ' ' : ''}的活动`
}

/** Readers of Chinese take a time for China Standard Time unless told otherwise. */
const chinaOffsetMs = 8 * 3_600_000

function when({ facts, utcOffsetMs, language }: Teller): string {
  const from = localTimeText(facts.firstMs, utcOffsetMs)
  const to = shortTimeText(facts.lastMs, facts.firstMs, utcOffsetMs)
  const span = facts.lastMs - facts.firstMs
  const notes = language === 'zh' && utcOffsetMs === chinaOffsetMs ? [] : [utcOffsetText(utcOffsetMs)]
  if (language === 'zh') {
    if (span > 0) notes.push(`历时 ${spanText(span, 'zh')}`)
    return `${from}${span > 0 ? ` 至 ${to}` : ''}${notes.length > 0 ? `（${notes.join('，')}）` : ''}`
  }
  if (span > 0) notes.push(spanText(span, 'en'))
  return `${span > 0 ? `From ${from} to ${to}` : `At ${from}`} (${notes.join(', ')})`
}

function whatFired({ facts, attack, language }: Teller): string {
  const only = facts.rules.length === 1 ? facts.rules[0]! : undefined
  const stage = only && attack.tactics.get(orderTactics(only.tactics, attack)[0] ?? '')?.[language]
  const count = countText(facts.matches)
  const isOnceEach = facts.matches === facts.rules.length
  if (language === 'zh') {
    if (!only) return ` ${facts.rules.length} 条规则，${isOnceEach ? '各 1 次' : `共命中 ${count} 次`}`
    return `规则${counted(only, 'zh')}${stage ? `，处于${stage}阶段` : ''}`
  }
  if (!only) return `${facts.rules.length} rules, ${isOnceEach ? 'once each' : `${count} times in all`}`
  return `the rule ${counted(only, 'en')}${stage ? `, at the stage ${stage}` : ''}`
}

/** Rules by the stage they first show, in the order of time. */
function steps({ facts, attack, utcOffsetMs, language }: Teller): string[] {
  const byStage = new Map<string, RuleFact[]>()
  for (const rule of facts.rules) {
    const stage = orderTactics(rule.tactics, attack)[0] ?? ''
    const rules = byStage.get(stage)
    if (rules) rules.push(rule)
    else byStage.set(stage, [rule])
  }
  const stages = [...byStage]
  const told = stages.slice(0, stageLimit).map(([stage, rules]) => {
    const at = shortTimeText(rules[0]!.firstMs, facts.firstMs, utcOffsetMs)
    const name = attack.tactics.get(stage)?.[language]
    const named = rules.slice(0, ruleLimit).map((rule) => counted(rule, language))
    const more = rules.length - named.length
    if (language === 'zh') {
      const others = more > 0 ? `，另有 ${more} 条规则` : ''
      return name ? `${at} 进入${name}阶段：${named.join('、')}${others}。` : `${at} 触发${named.join('、')}${others}。`
    }
    if (more > 0) named.push(`${more} other ${more === 1 ? 'rule' : 'rules'}`)
    return `${name ? `${name} from ${at}` : `From ${at}`}: ${joinEnglish(named)}.`
  })
  const rest = stages.length - told.length
  if (rest > 0)
    told.push(language === 'zh' ? `另有 ${rest} 个阶段。` : `${rest} further ${rest === 1 ? 'stage' : 'stages'}.`)
  return told
}

/** A rule's title and how often it fired, if more than once. */
function counted(rule: RuleFact, language: Language): string {
  const count = countText(rule.matches)
  if (language === 'zh') return `「${titleIn(rule, 'zh')}」${rule.matches > 1 ? `${count} 次` : ''}`
  return `“${titleIn(rule, 'en')}”${rule.matches > 1 ? ` (${count} times)` : ''}`
}

/** What it led to: a success after attempts, a known bad indicator, loss or damage. */
function outcome({ facts, attack, utcOffsetMs, language }: Teller): string[] {
  const told: string[] = []
  const success = successAfterAttempt(facts)
  if (success) {
    const at = shortTimeText(success.timeMs, facts.firstMs, utcOffsetMs)
    const { user, host } = success
    if (language === 'en') {
      const who = user ? `account ${user}` : 'an account'
      told.push(`After the attempts, at ${at}, ${who} signed in${host ? ` on host ${host}` : ''}.`)
    } else if (user) {
      told.push(`经过尝试，账号 ${user} 于 ${at} ${host ? `成功登录主机 ${host}` : '认证成功'}。`)
    } else told.push(`经过尝试，${host ? `主机 ${host} 于 ` : ''}${at} 出现成功登录。`)
  }
  if (facts.indicator) {
    const { value } = facts.indicator
    told.push(
      language === 'zh'
        ? `命中威胁情报：${shortValue(value)}。`
        : `${shortValue(value)} is known to threat intelligence.`,
    )
  }
  for (const tactic of ['exfiltration', 'impact']) {
    const rule = facts.rules.find((one) => one.tactics.includes(tactic))
    const name = attack.tactics.get(tactic)?.[language]
    if (!rule || !name) continue
    told.push(
      language === 'zh'
        ? `已出现${name}的迹象（${shortWords(rule.summaryZh ?? rule.summary)}）。`
        : `There are signs of ${name} (${shortWords(rule.summary)}).`,
    )
  }
  return told
}

function reach({ facts, language }: Teller): string {
  const parts: string[] = []
  for (const type of ['host', 'user', 'ip', 'domain'] as const) {
    const values = facts.entities.filter((entity) => entity.type === type).map((entity) => shortValue(entity.value))
    if (values.length === 0) continue
    const name = typeName(type, language, values.length)
    if (values.length === 1) parts.push(`${name} ${values[0]}`)
    else if (language === 'zh') {
      parts.push(
        `${name} ${values.length} ${type === 'host' ? '台' : '个'}（${values.slice(0, 3).join('、')}${values.length > 3 ? ' 等' : ''}）`,
      )
    } else parts.push(`${values.length} ${name} (${listText(values, 'en')})`)
  }
  if (parts.length === 0) return ''
  return language === 'zh' ? `涉及${parts.join('、')}。` : `Involved: ${parts.join(', ')}.`
}

/** Stages nobody reaches without having got in. */
const laterTactics = [
  'execution',
  'persistence',
  'privilege-escalation',
  'lateral-movement',
  'collection',
  'exfiltration',
  'impact',
]

/** What the evidence leaves open, so that nobody reads silence as safety. */
function unknown({ facts, language }: Teller): string {
  const open: [zh: string, en: string][] = []
  const actor = mainActor(facts.entities)
  const tactics = new Set(facts.rules.flatMap((rule) => rule.tactics))
  if (!actor) open.push(['攻击来源', 'who is behind it'])
  else if (actor.type === 'ip' && !actor.country && !isPrivateIp(actor.value))
    open.push(['来源地址的所在地', 'where the source address lies'])
  if (facts.attempt && !successAfterAttempt(facts) && !laterTactics.some((tactic) => tactics.has(tactic)))
    open.push([
      '尝试是否得手（证据中未见成功的认证）',
      'whether an attempt succeeded (no successful sign-in is in the evidence)',
    ])
  if (successAfterAttempt(facts) && !tactics.has('exfiltration'))
    open.push(['登录之后是否有数据流出', 'whether data left after the sign-in'])
  if (tactics.has('exfiltration')) open.push(['流出数据的内容', 'what the data that left contains'])
  if (!facts.entities.some((entity) => entity.type === 'host'))
    open.push([
      '受影响主机上发生了什么（没有主机日志）',
      'what happened on the hosts (no host is named in the records)',
    ])
  if (facts.sources.length === 1)
    open.push([
      '其他来源能否佐证（证据只来自一个数据源）',
      'whether another source confirms it (all evidence comes from one sender)',
    ])
  if (open.length === 0) return ''
  if (language === 'zh') return `尚不清楚：${open.map(([zh]) => zh).join('；')}。`
  return `Not known: ${open.map(([, en]) => en).join('; ')}.`
}

function describe(entity: EntityFact, language: Language): string {
  const organisation = entity.organisation ? [entity.organisation] : []
  const origin = [...(entity.country ? [countryName(entity.country, language)] : []), ...organisation]
  const name = typeName(entity.type, language)
  if (language === 'zh')
    return `${name} ${shortValue(entity.value)}${origin.length > 0 ? `（${origin.join('，')}）` : ''}`
  return `${name} ${shortValue(entity.value)}${origin.length > 0 ? ` (${origin.join(', ')})` : ''}`
}

function listed(entities: EntityFact[], language: Language): string {
  const values = entities.map(({ value }) => shortValue(value))
  return `${typeName(entities[0]!.type, language, values.length)} ${listText(values, language)}`
}

function titleIn({ title: en, titleZh }: RuleFact, language: Language): string {
  return language === 'zh' ? (titleZh ?? en) : en
}

function worstRule(rules: RuleFact[]): RuleFact {
  return rules.reduce((a, b) => (severityRank[b.severity] > severityRank[a.severity] ? b : a))
}

/** Who acted most: an address before an account before anything else; ties by the order of first sight. */
function mainActor(entities: EntityFact[]): EntityFact | undefined {
  const actors = entities.filter(({ role }) => role === 'actor')
  for (const type of ['ip', 'user'] as const) {
    const ofType = actors.filter((entity) => entity.type === type)
    if (ofType.length > 0) return ofType.reduce((a, b) => (b.matches > a.matches ? b : a))
  }
  return actors[0]
}
