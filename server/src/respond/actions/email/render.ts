import type { Severity } from '../../../event/event.ts'
import type { IncidentNotice } from '../../../event/notice.ts'
import { localTimeText, type UtcOffset, utcOffsetText } from '../../../lib/utc-offset.ts'

/** What a mail says. */
export interface Rendered {
  subject: string
  text: string
  html: string
}

interface Words {
  product: string
  occasions: Record<IncidentNotice['occasion'], string>
  severities: Record<Severity, string>
  severity: string
  score: string
  incident: string
  firstSeen: string
  lastSeen: string
  counts: string
  detections: (detections: number, matches: number) => string
  techniques: string
  entities: string
  rules: string
  sentBy: string
  separator: string
  footer: (channel: string) => string
}

const words: Record<'zh' | 'en', Words> = {
  zh: {
    product: '烽燧',
    occasions: {
      opened: '新安全事件',
      severity_raised: '安全事件升级',
      closed: '安全事件已关闭',
      sent: '安全事件',
      test: '测试',
    },
    severities: { informational: '提示', low: '低', medium: '中', high: '高', critical: '严重' },
    severity: '严重程度',
    score: '评分',
    incident: '事件编号',
    firstSeen: '首次发现',
    lastSeen: '最近活动',
    counts: '规模',
    detections: (detections, matches) => `告警 ${detections} 条，命中 ${matches} 次`,
    techniques: 'ATT&CK 技术',
    entities: '涉及对象',
    rules: '触发规则',
    sentBy: '发送人',
    separator: '：',
    footer: (channel) => `本邮件由烽燧通知通道“${channel}”自动发出，请勿回复。`,
  },
  en: {
    product: 'Watchfire',
    occasions: {
      opened: 'New incident',
      severity_raised: 'Incident grew worse',
      closed: 'Incident closed',
      sent: 'Incident',
      test: 'Test',
    },
    severities: { informational: 'Informational', low: 'Low', medium: 'Medium', high: 'High', critical: 'Critical' },
    severity: 'Severity',
    score: 'Score',
    incident: 'Incident',
    firstSeen: 'First seen',
    lastSeen: 'Last activity',
    counts: 'Extent',
    detections: (detections, matches) => `${detections} detections, ${matches} matches`,
    techniques: 'ATT&CK techniques',
    entities: 'Involved',
    rules: 'Rules',
    sentBy: 'Sent by',
    separator: ': ',
    footer: (channel) => `Sent by Watchfire, notification channel “${channel}”. Please do not reply.`,
  },
}

const subjectLimit = 180
const entityLimit = 20

/** Subject, plain text and simple HTML of a notice. Everything that came from a log is escaped. */
export function renderNotice(
  notice: IncidentNotice,
  language: 'zh' | 'en',
  channelName: string,
  utcOffset: UtcOffset,
): Rendered {
  const say = words[language]
  const title = notice.title[language]
  const lines: [string, string][] = [[say.severity, say.severities[notice.severity]]]
  if (notice.sentBy) lines.push([say.sentBy, notice.sentBy])
  if (notice.occasion !== 'test') {
    lines.push(
      [say.score, String(notice.score)],
      [say.incident, `#${notice.incidentId}`],
      [say.firstSeen, timeText(notice.firstSeenMs, utcOffset)],
      [say.lastSeen, timeText(notice.lastSeenMs, utcOffset)],
      [say.counts, say.detections(notice.detectionCount, notice.matchCount)],
    )
  }
  if (notice.techniques.length > 0) lines.push([say.techniques, notice.techniques.join(', ')])
  if (notice.entities.length > 0) {
    lines.push([
      say.entities,
      notice.entities
        .slice(0, entityLimit)
        .map(({ value }) => value)
        .join(', '),
    ])
  }
  for (const { id, title: name, author } of notice.rules)
    lines.push([say.rules, [name[language], id, author].filter(Boolean).join(' · ')])
  const head = `[${say.product}][${say.severities[notice.severity]}] ${say.occasions[notice.occasion]}${say.separator}${title}`
  const story = notice.story[language]
  const note = notice.note ? [notice.note] : []
  const plain = lines.map(([name, value]) => `${name}${say.separator}${value}`)
  const rows = lines.map(
    ([name, value]) =>
      `<tr><th style="text-align:left;padding:2px 16px 2px 0;font-weight:normal;color:#595959">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  )
  return {
    subject: oneLine(head).slice(0, subjectLimit),
    text: `${[title, ...note, story, plain.join('\n'), say.footer(channelName)].map((part) => part.replaceAll('\r', '')).join('\n\n')}\n`,
    html: `<!doctype html><html lang="${language === 'zh' ? 'zh-CN' : 'en'}"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>
<body style="font-family:sans-serif;font-size:14px;line-height:1.6;color:#1f1f1f">
<h1 style="font-size:18px">${escapeHtml(title)}</h1>
${note.map((text) => `<p><b>${escapeHtml(text)}</b></p>`).join('')}<p>${escapeHtml(story)}</p>
<table style="border-collapse:collapse">${rows.join('\n')}</table>
<p style="color:#8c8c8c">${escapeHtml(say.footer(channelName))}</p>
</body></html>`,
  }
}

/** `&`, `<`, `>` and both quotes as entities; other controls than line ends are dropped. */
function escapeHtml(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll(/(?![\n\t])\p{Cc}/gu, '')
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}

function timeText(timeMs: number, utcOffset: UtcOffset): string {
  const offsetMs = utcOffset(timeMs)
  return `${localTimeText(timeMs, offsetMs)} (${utcOffsetText(offsetMs)})`
}
