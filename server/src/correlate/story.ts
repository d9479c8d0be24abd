import { severityRank } from '../event/event.ts'
import type { Bilingual, EntityFact, IncidentFacts, RuleFact } from '../event/incident.ts'
import { isPrivateIp } from '../lib/ip-address.ts'
import { attackedHosts, successAfterAttempt } from './score.ts'
import { type AttackLookup, orderTactics, stageChain } from './stage.ts'
import { countText, listText, shortTimeText, spanText, timeText, typeName, zoneText } from './words.ts'

type Language = 'zh' | 'en'

interface Teller {
  facts: IncidentFacts
  attack: AttackLookup
  utcOffsetMinutes: number
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
  const stages = orderTactics(
    facts.rules.flatMap((rule) => rule.tactics),
    attack,
  ).filter((tactic) => attack.tactics.has(tactic))
  const what = (language: Language) => {
    if (stages.length < 2 || facts.rules.length < 2) return worst.title
    const last = attack.tactics.get(stageChain(facts.rules, attack).at(-1)!)![language]
    return language === 'zh'
      ? `${stages.length} 个阶段的攻击，直至${last}`
      : `Attack in ${stages.length} stages up to ${last}`
  }
  const target = targets[0]
  const more = targets.length - 1
  const zh = [what('zh')]
  const en = [what('en')]
  if (actor && target) {
    zh.push(`：${actor.value} → ${target.value}${more > 0 ? ` 等 ${targets.length} 个目标` : ''}`)
    en.push(`: ${actor.value} → ${target.value}${more > 0 ? ` and ${more} more` : ''}`)
  } else if (actor ?? target) {
    zh.push(`：${(actor ?? target)!.value}`)
    en.push(`: ${(actor ?? target)!.value}`)
  }
  return { zh: zh.join('').slice(0, titleLength), en: en.join('').slice(0, titleLength) }
}

/**
 * One paragraph from the evidence: when, who and from where, what they did in order with counts, what it led to, whom
 * it touched, and what the evidence does not say. The same facts give the same text.
 */
export function story(facts: IncidentFacts, attack: AttackLookup, utcOffsetMinutes: number): Bilingual {
  const tell = (language: Language) => {
    const teller: Teller = { facts, attack, utcOffsetMinutes, language }
    const sentences = [opening(teller), ...steps(teller), ...outcome(teller), reach(teller), unknown(teller)]
    return sentences.filter((sentence) => sentence !== '').join(language === 'zh' ? '' : ' ')
  }
  return { zh: tell('zh'), en: tell('en') }
}

function opening({ facts, utcOffsetMinutes, language }: Teller): string {
  const from = timeText(facts.firstMs, utcOffsetMinutes)
  const zone = zoneText(utcOffsetMinutes)
  const actor = mainActor(facts.entities)
  const targets = attackedHosts(facts.entities).filter((target) => target !== actor)
  const span = facts.lastMs - facts.firstMs
  const to = shortTimeText(facts.lastMs, facts.firstMs, utcOffsetMinutes)
  if (language === 'zh') {
    const when = span === 0 ? `${from}（${zone}）` : `${from} 至 ${to}（${zone}，历时 ${spanText(span, 'zh')}）`
    const who = actor ? `${describe(actor, 'zh')}` : '来源不明的一方'
    const whom = targets.length > 0 ? `${who.endsWith('）') ? '' : ' '}针对${listed(targets, 'zh')}，` : ''
    return `${when}，${who}${whom}触发 ${facts.rules.length} 条规则，共 ${countText(facts.matches)} 次。`
  }
  const when = span === 0 ? `At ${from} (${zone})` : `From ${from} to ${to} (${zone}, ${spanText(span, 'en')})`
  const who = actor ? describe(actor, 'en') : 'a party that is not named'
  const whom = targets.length > 0 ? ` against ${listed(targets, 'en')}` : ''
  const rules = facts.rules.length === 1 ? '1 rule' : `${facts.rules.length} rules`
  const times = facts.matches === 1 ? 'once' : `${countText(facts.matches)} times`
  return `${when}, ${who}${whom} set off ${rules}, ${times} in all.`
}

/** Rules by the stage they first show, in the order of time. */
function steps({ facts, attack, utcOffsetMinutes, language }: Teller): string[] {
  const byStage = new Map<string, RuleFact[]>()
  for (const rule of facts.rules) {
    const stage = orderTactics(rule.tactics, attack)[0] ?? ''
    const rules = byStage.get(stage)
    if (rules) rules.push(rule)
    else byStage.set(stage, [rule])
  }
  const stages = [...byStage]
  const told = stages.slice(0, stageLimit).map(([stage, rules]) => {
    const at = shortTimeText(rules[0]!.firstMs, facts.firstMs, utcOffsetMinutes)
    const name = attack.tactics.get(stage)?.[language]
    const named = rules.slice(0, ruleLimit).map((rule) => {
      const count = countText(rule.matches)
      return language === 'zh'
        ? `「${rule.title}」${count} 次`
        : `“${rule.title}” ${rule.matches === 1 ? 'once' : `${count} times`}`
    })
    const more = rules.length - named.length
    if (language === 'zh') {
      return `${at} 起${name ? `进入${name}阶段` : ''}：${named.join('、')}${more > 0 ? `，另有 ${more} 条规则` : ''}。`
    }
    const others = more > 0 ? ` and ${more} other ${more === 1 ? 'rule' : 'rules'}` : ''
    return `From ${at}${name ? `, ${name}` : ''}: ${named.join(', ')}${others}.`
  })
  const rest = stages.length - told.length
  if (rest > 0)
    told.push(language === 'zh' ? `另有 ${rest} 个阶段。` : `${rest} further ${rest === 1 ? 'stage' : 'stages'}.`)
  return told
}

/** What it led to: a success after attempts, a known bad indicator, loss or damage. */
function outcome({ facts, attack, utcOffsetMinutes, language }: Teller): string[] {
  const told: string[] = []
  const success = successAfterAttempt(facts)
  if (success) {
    const at = shortTimeText(success.timeMs, facts.firstMs, utcOffsetMinutes)
    if (language === 'zh') {
      const where = success.host ? `主机 ${success.host} ` : '目标'
      told.push(`在多次尝试之后，${at}，${success.user ? `账号 ${success.user} ` : ''}在${where}上认证成功。`)
    } else {
      const who = success.user ? `account ${success.user}` : 'an account'
      told.push(`After the attempts, at ${at}, ${who} signed in${success.host ? ` on host ${success.host}` : ''}.`)
    }
  }
  if (facts.indicator) {
    const { value } = facts.indicator
    told.push(language === 'zh' ? `命中威胁情报：${value}。` : `Threat intelligence knows ${value}.`)
  }
  for (const tactic of ['exfiltration', 'impact']) {
    const rule = facts.rules.find((one) => one.tactics.includes(tactic))
    const name = attack.tactics.get(tactic)?.[language]
    if (!rule || !name) continue
    told.push(
      language === 'zh' ? `已出现${name}的迹象：${rule.summary}。` : `There are signs of ${name}: ${rule.summary}.`,
    )
  }
  return told
}

function reach({ facts, language }: Teller): string {
  const parts: string[] = []
  for (const type of ['host', 'user', 'ip', 'domain'] as const) {
    const values = facts.entities.filter((entity) => entity.type === type).map((entity) => entity.value)
    if (values.length === 0) continue
    const name = typeName(type, language, values.length)
    parts.push(
      language === 'zh'
        ? `${name} ${values.length} 个（${listText(values, 'zh')}）`
        : `${values.length} ${name} (${listText(values, 'en')})`,
    )
  }
  if (parts.length === 0) return ''
  return language === 'zh' ? `涉及${parts.join('、')}。` : `It touches ${parts.join(', ')}.`
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
  const origin = [...(entity.country ? [entity.country] : []), ...organisation]
  const name = typeName(entity.type, language)
  if (language === 'zh') return `${name} ${entity.value}${origin.length > 0 ? `（${origin.join('，')}）` : ''}`
  return `${name} ${entity.value}${origin.length > 0 ? ` (${origin.join(', ')})` : ''}`
}

function listed(entities: EntityFact[], language: Language): string {
  const values = entities.map(({ value }) => value)
  return `${typeName(entities[0]!.type, language, values.length)} ${listText(values, language)}`
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
