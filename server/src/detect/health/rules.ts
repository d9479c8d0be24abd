import type { Detection, Entity, Fields, Severity } from '../../event/event.ts'
import { detectionId, namedWords } from '../detect.ts'

/** What the platform finds out about itself; it goes the way of every detection, so that whoever is on duty is told. */
export interface HealthRule {
  id: string
  title: string
  titleZh: string
  description: string
  descriptionZh: string
  severity: Severity
  misses: { zh: string; en: string }
  steps: { zh: string[]; en: string[] }
}

export const canaryLostRule: HealthRule = {
  id: 'watchfire-health-canary-lost',
  title: 'A source’s way to detection is broken',
  titleZh: '数据源到检测的通路中断',
  description:
    'A record the platform sent itself through the way of a source did not arrive; the hop at which it was lost is named.',
  descriptionZh: '平台沿该数据源的通路发出的探测记录未能到达，已指出丢失在哪一环节。',
  severity: 'high',
  misses: {
    zh: '设备自身停止发送（由静默告警发现）。',
    en: 'A device that stops sending: the silence alarm tells of that.',
  },
  steps: {
    zh: ['打开该数据源，查看探测丢失的环节。', '查看健康页：线程、队列、磁盘与存储。', '恢复后点“立即探测”确认。'],
    en: [
      'Open the source and see at which hop the canary was lost.',
      'Look at the health page: threads, queues, disk and stores.',
      'When it is mended, press “Test now” to make sure.',
    ],
  },
}

export const rulesDroppedRule: HealthRule = {
  id: 'watchfire-health-rules-dropped',
  title: 'Fewer rules can fire than before',
  titleZh: '可触发的规则数量下降',
  description:
    'Of the enabled rules markedly fewer can fire than an hour ago: a source fell silent, a field is missing, or a store is full.',
  descriptionZh: '与一小时前相比，可触发的启用规则明显减少：数据源静默、字段缺失或存储已满。',
  severity: 'high',
  misses: {
    zh: '少量规则的变化（低于两条或百分之二）。',
    en: 'A change of fewer than two rules, or of less than two in a hundred.',
  },
  steps: {
    zh: ['在总览打开“可触发规则”，按原因查看。', '逐一处理静默的数据源与缺失的字段。', '恢复后数字会自行回升。'],
    en: [
      'Open “Rules that can fire” on the overview and look at the reasons.',
      'Mend silent sources and missing fields one by one.',
      'The number rises again by itself.',
    ],
  },
}

export const windowGivenUpRule: HealthRule = {
  id: 'watchfire-health-run-given-up',
  title: 'A window of history could not be analysed',
  titleZh: '有历史时间窗未能完成分析',
  description: 'A scheduled analytic failed on a window ten times; the window is a gap until it is run again.',
  descriptionZh: '定时分析在某个时间窗上连续失败十次；在重新运行之前，该时间窗是缺口。',
  severity: 'medium',
  misses: { zh: '仍在自动重试的失败。', en: 'Failures that are still tried again by themselves.' },
  steps: {
    zh: ['打开运行台账，查看失败原因。', '修正后点“重新运行”。'],
    en: ['Open the ledger of runs and read the reason.', 'When it is mended, press “Run again”.'],
  },
}

export const healthRules: readonly HealthRule[] = [canaryLostRule, rulesDroppedRule, windowGivenUpRule]

/** The platform's finding about itself. `key` makes it one: the same key gives the same detection. */
export function healthDetection(
  rule: HealthRule,
  about: { key: string; timeMs: number; unitPath: string; entities?: Entity[]; fields: Fields; sourceKey?: string },
): Detection {
  const { key, timeMs, unitPath, entities = [], fields, sourceKey = '' } = about
  return {
    id: detectionId(rule.id, key, ''),
    ruleId: rule.id,
    detector: 'analytic',
    severity: rule.severity,
    timeMs,
    unitPath,
    techniques: [],
    tactics: [],
    entities,
    eventIds: [],
    matched: Object.entries(fields).map(([field, value]) => ({ part: 'health', field, value: String(value) })),
    fields,
    sourceKey,
    ...namedWords(rule, entities),
  }
}
