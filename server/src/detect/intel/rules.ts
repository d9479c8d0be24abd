/** One rule of the intelligence detector, in words, as the list of rules shows it. */
export interface IntelRule {
  id: string
  title: string
  titleZh: string
  description: string
  descriptionZh: string
  misses: { zh: string; en: string }
  steps: { zh: string[]; en: string[] }
  /** Kinds of indicator it is about. */
  kinds: string[]
  /** Fields enrichment looks at for them. */
  fields: string[]
}

const steps = {
  zh: [
    '查看情报的来源、置信度与有效期，判断是否仍然成立。',
    '查明是谁、通过哪个程序访问，访问了多少次、传了多少数据。',
    '确认属实的，封禁该指标并隔离涉事主机；属误报的，停用该指标或建立例外。',
  ],
  en: [
    'Read where the indicator comes from, how sure it is and until when, and judge whether it still holds.',
    'Find out who reached it, by which program, how often, and how much data went.',
    'If it is true, block the indicator and isolate the host; if not, remove the indicator or make an exception.',
  ],
}

/** One rule a kind of indicator, so that they can be switched off and excepted like any rule. */
export const intelRules: readonly IntelRule[] = [
  {
    id: 'watchfire-intel-ip',
    title: 'Address known to threat intelligence',
    titleZh: '命中情报的地址',
    description: 'A record names an address or a network that is on the list of indicators.',
    descriptionZh: '日志中出现情报列出的地址或网段。',
    misses: {
      zh: '情报未列出的地址，以及日志未记录的连接。',
      en: 'Addresses nobody listed, and connections no log names.',
    },
    steps,
    kinds: ['ip', 'cidr'],
    fields: ['destination.ip', 'source.ip', 'dns.resolved_ip', 'network.forwarded_ip', 'client.ip', 'server.ip'],
  },
  {
    id: 'watchfire-intel-domain',
    title: 'Domain known to threat intelligence',
    titleZh: '命中情报的域名',
    description: 'A record names a domain that is on the list of indicators, or a name below it.',
    descriptionZh: '日志中出现情报列出的域名或其子域名。',
    misses: {
      zh: '加密的域名查询，以及直接使用地址的访问。',
      en: 'Encrypted queries, and traffic that goes to an address directly.',
    },
    steps,
    kinds: ['domain'],
    fields: ['dns.question.name', 'url.domain', 'tls.client.server_name', 'destination.domain', 'source.domain'],
  },
  {
    id: 'watchfire-intel-url',
    title: 'URL known to threat intelligence',
    titleZh: '命中情报的网址',
    description: 'A record names a URL that is on the list of indicators.',
    descriptionZh: '日志中出现情报列出的网址。',
    misses: {
      zh: '加密流量中的网址，除非代理记录了完整网址。',
      en: 'URLs inside encrypted traffic, unless a proxy writes them down.',
    },
    steps,
    kinds: ['url'],
    fields: ['url.full', 'url.original'],
  },
  {
    id: 'watchfire-intel-hash',
    title: 'File known to threat intelligence',
    titleZh: '命中情报的文件',
    description: 'A record names a file whose hash is on the list of indicators.',
    descriptionZh: '日志中出现的文件哈希在情报中列出。',
    misses: {
      zh: '日志未记录哈希的文件，以及改动过的文件。',
      en: 'Files whose hash no log names, and files changed by one byte.',
    },
    steps,
    kinds: ['sha256', 'sha1', 'md5'],
    fields: [
      'file.hash.sha256',
      'process.hash.sha256',
      'file.hash.sha1',
      'process.hash.sha1',
      'file.hash.md5',
      'process.hash.md5',
    ],
  },
  {
    id: 'watchfire-intel-email',
    title: 'Mail sender known to threat intelligence',
    titleZh: '命中情报的发件人',
    description: 'A record names a mail address that is on the list of indicators.',
    descriptionZh: '日志中出现情报列出的邮件地址。',
    misses: { zh: '未接入日志的邮件系统。', en: 'Mail systems whose logs do not come here.' },
    steps,
    kinds: ['email'],
    fields: ['email.from.address', 'email.sender.address', 'email.reply_to.address'],
  },
]
