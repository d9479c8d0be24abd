import { ecsFieldType } from './catalogue-ecs.ts'
import type { FieldType } from './field-type.ts'

/** A core field has its own typed column in the event store; everything else goes into the map column as JSON text. */
export interface CoreField {
  name: string
  type: FieldType
  array: boolean
  /** Few distinct values: a dictionary column pays. */
  lowCardinality: boolean
  description: { zh: string; en: string }
}

type CoreRow = [name: string, type: FieldType | `${FieldType}[]`, zh: string, en: string, few?: 'few']

const rows: CoreRow[] = [
  ['message', 'text', '日志正文', 'The text of the record, without its transport header'],
  ['tags', 'keyword[]', '处理过程中加上的标记', 'Marks set on the way, e.g. why a record was cut', 'few'],
  ['error.message', 'keyword', '无法解析的原因或记录中的错误', 'Why a record was not parsed, or the error it reports'],

  [
    'event.kind',
    'keyword',
    '记录的性质：事件、告警、指标、状态',
    'What the record is: event, alert, metric, state',
    'few',
  ],
  [
    'event.category',
    'keyword[]',
    '事件大类，如认证、进程、网络',
    'Broad class: authentication, process, network, web',
    'few',
  ],
  [
    'event.type',
    'keyword[]',
    '事件小类，如开始、结束、拒绝',
    'Kind within the class: start, end, denied, creation',
    'few',
  ],
  ['event.action', 'keyword', '来源所述的动作', 'The action in the words of the source', 'few'],
  ['event.outcome', 'keyword', '结果：成功、失败、未知', 'success, failure or unknown', 'few'],
  ['event.module', 'keyword', '来源软件，如 linux、windows、suricata', 'The software the record is about', 'few'],
  ['event.dataset', 'keyword', '来源软件中的日志种类，如 linux.auth', 'Which of its logs, e.g. linux.auth', 'few'],
  ['event.provider', 'keyword', '写日志的组件', 'The component that wrote the record', 'few'],
  ['event.code', 'keyword', '来源给事件的编号，如 4624', 'The number or name the source gives the event', 'few'],
  ['event.severity', 'long', '来源给出的严重程度数值', 'Severity number as the source gave it'],
  ['event.reason', 'keyword', '来源所述的原因', 'Why it happened, in the words of the source'],
  ['event.duration', 'long', '持续时间（纳秒）', 'How long it took, in nanoseconds'],

  ['log.level', 'keyword', '日志级别', 'Log level', 'few'],
  ['log.logger', 'keyword', '日志记录器或模块名', 'Name of the logger or module inside the program', 'few'],
  ['log.syslog.appname', 'keyword', '系统日志中的程序名', 'Program named in the syslog header', 'few'],
  ['log.syslog.facility.code', 'long', '系统日志设施编号', 'Syslog facility number'],
  ['log.syslog.severity.code', 'long', '系统日志级别编号（0 最严重）', 'Syslog severity number, 0 is the worst'],

  ['host.name', 'keyword', '记录所述的主机', 'The host the record is about'],
  ['host.ip', 'ip[]', '该主机的地址', 'Addresses of that host'],
  ['host.os.type', 'keyword', '操作系统种类：linux、windows', 'linux or windows', 'few'],
  ['observer.name', 'keyword', '看到并报告事件的设备', 'The device that saw and reported it', 'few'],
  ['observer.vendor', 'keyword', '该设备的厂商', 'Vendor of that device', 'few'],
  ['observer.product', 'keyword', '该设备的产品名', 'Product name of that device', 'few'],
  ['observer.type', 'keyword', '该设备的种类：防火墙、入侵检测等', 'Type of that device: firewall, ids, waf', 'few'],

  ['source.ip', 'ip', '发起方地址', 'Address of the side that began'],
  ['source.port', 'long', '发起方端口', 'Port of the side that began'],
  ['source.address', 'keyword', '发起方地址原文（可能是主机名）', 'The beginning side as written, perhaps a host name'],
  ['source.domain', 'keyword', '发起方域名', 'Domain name of the beginning side'],
  ['source.mac', 'keyword', '发起方物理地址', 'MAC address of the beginning side'],
  ['source.bytes', 'long', '发起方发出的字节数', 'Bytes sent by the beginning side'],
  ['source.packets', 'long', '发起方发出的包数', 'Packets sent by the beginning side'],
  [
    'source.geo.country_iso_code',
    'keyword',
    '发起方所在国家或地区代码',
    'Country or region code of the beginning side',
    'few',
  ],
  ['source.as.number', 'long', '发起方自治系统号', 'Autonomous system of the beginning side'],
  ['source.as.organization.name', 'keyword', '发起方自治系统所属机构', 'Who runs that autonomous system', 'few'],

  ['destination.ip', 'ip', '目标地址', 'Address of the side that was reached'],
  ['destination.port', 'long', '目标端口', 'Port of the side that was reached'],
  [
    'destination.address',
    'keyword',
    '目标地址原文（可能是主机名）',
    'The reached side as written, perhaps a host name',
  ],
  ['destination.domain', 'keyword', '目标域名', 'Domain name of the reached side'],
  ['destination.mac', 'keyword', '目标物理地址', 'MAC address of the reached side'],
  ['destination.bytes', 'long', '目标发回的字节数', 'Bytes sent back by the reached side'],
  ['destination.packets', 'long', '目标发回的包数', 'Packets sent back by the reached side'],
  [
    'destination.geo.country_iso_code',
    'keyword',
    '目标所在国家或地区代码',
    'Country or region code of the reached side',
    'few',
  ],
  ['destination.as.number', 'long', '目标自治系统号', 'Autonomous system of the reached side'],
  ['destination.as.organization.name', 'keyword', '目标自治系统所属机构', 'Who runs that autonomous system', 'few'],

  ['network.transport', 'keyword', '传输层协议：tcp、udp、icmp', 'tcp, udp, icmp', 'few'],
  ['network.protocol', 'keyword', '应用层协议：http、dns、ssh', 'http, dns, ssh', 'few'],
  ['network.direction', 'keyword', '方向：入站、出站、内部、外部', 'inbound, outbound, internal, external', 'few'],
  ['network.bytes', 'long', '双方字节数之和', 'Bytes of both sides'],
  ['network.packets', 'long', '双方包数之和', 'Packets of both sides'],
  ['network.community_id', 'keyword', '流的公共标识', 'Community id of the flow'],

  ['user.name', 'keyword', '行为人账号', 'Account that acts'],
  ['user.id', 'keyword', '行为人编号（UID、SID）', 'Its UID or SID'],
  ['user.domain', 'keyword', '行为人所属域', 'Its domain'],
  ['user.target.name', 'keyword', '被操作的账号', 'Account acted upon'],

  ['process.name', 'keyword', '进程名', 'Name of the process'],
  ['process.pid', 'long', '进程号', 'Its id'],
  ['process.executable', 'keyword', '进程程序路径', 'Path of its program'],
  ['process.command_line', 'text', '命令行', 'Its command line'],
  ['process.parent.name', 'keyword', '父进程名', 'Name of the parent process'],
  ['process.parent.pid', 'long', '父进程号', 'Id of the parent process'],
  ['process.parent.executable', 'keyword', '父进程程序路径', 'Path of the parent program'],
  ['process.parent.command_line', 'text', '父进程命令行', 'Command line of the parent process'],

  ['file.path', 'keyword', '文件路径', 'Path of the file'],
  ['file.name', 'keyword', '文件名', 'Its name'],
  ['file.size', 'long', '文件大小（字节）', 'Its size in bytes'],
  ['file.hash.md5', 'keyword', '文件 MD5 值', 'MD5 of the file'],
  ['file.hash.sha256', 'keyword', '文件 SHA-256 值', 'SHA-256 of the file'],
  ['process.hash.sha256', 'keyword', '进程程序的 SHA-256 值', 'SHA-256 of the program of the process'],
  ['registry.path', 'keyword', '注册表路径', 'Registry path'],

  ['url.full', 'keyword', '完整网址', 'The whole URL'],
  ['url.original', 'keyword', '请求行中的网址原文', 'The URL as requested'],
  ['url.domain', 'keyword', '网址中的主机', 'Host in the URL'],
  ['url.path', 'keyword', '网址路径', 'Path in the URL'],
  ['url.query', 'keyword', '网址查询串', 'Query in the URL, without the question mark'],
  ['http.request.method', 'keyword', '请求方法', 'Request method', 'few'],
  ['http.response.status_code', 'long', '响应状态码', 'Response status'],
  ['http.request.body.bytes', 'long', '请求体字节数', 'Bytes of the request body'],
  ['http.response.body.bytes', 'long', '响应体字节数', 'Bytes of the response body'],
  ['http.request.referrer', 'keyword', '来路网址', 'Referrer'],
  ['user_agent.original', 'keyword', '客户端标识', 'User agent as sent'],

  ['dns.question.name', 'keyword', '查询的域名', 'Name asked for'],
  ['dns.question.type', 'keyword', '查询的记录类型', 'Record type asked for', 'few'],
  ['dns.response_code', 'keyword', '应答码', 'Response code', 'few'],
  ['tls.client.server_name', 'keyword', '客户端指明的服务器名（SNI）', 'Server name the client asked for (SNI)'],
  ['tls.client.ja3', 'keyword', '客户端指纹 JA3', 'JA3 fingerprint of the client'],

  ['rule.id', 'keyword', '来源设备的规则编号', 'Id of the rule in the reporting device'],
  ['rule.name', 'keyword', '来源设备的规则名', 'Name of the rule in the reporting device', 'few'],
  ['service.name', 'keyword', '服务名', 'Name of the service', 'few'],
  ['winlog.channel', 'keyword', 'Windows 日志通道', 'Windows event channel', 'few'],
  ['winlog.event_id', 'keyword', 'Windows 事件编号', 'Windows event id as text', 'few'],

  ['related.ip', 'ip[]', '事件中出现的全部地址', 'Every address in the event'],
  ['related.user', 'keyword[]', '事件中出现的全部账号', 'Every account in the event'],
  ['related.hosts', 'keyword[]', '事件中出现的全部主机名', 'Every host name in the event'],

  ['organization.id', 'keyword', '所属单位编号', 'Id of the owning unit', 'few'],
  ['organization.name', 'keyword', '所属单位名称', 'Name of the owning unit', 'few'],
  ['threat.indicator.type', 'keyword', '命中的情报种类', 'Type of the indicator that matched', 'few'],
  ['threat.indicator.name', 'keyword', '命中的情报值', 'The indicator that matched'],
]

/** Fields with their own typed column, in the order the columns are created. */
export const coreFields: readonly CoreField[] = rows.map(([name, type, zh, en, few]) => ({
  name,
  type: type.replace('[]', '') as FieldType,
  array: type.endsWith('[]'),
  lowCardinality: few === 'few',
  description: { zh, en },
}))

export const coreFieldByName: ReadonlyMap<string, CoreField> = new Map(coreFields.map((field) => [field.name, field]))

/**
 * Prefixes under which sources keep what has no ECS name; any name below them is allowed. Their values keep the
 * type they came with.
 */
export const vendorPrefixes: readonly string[] = [
  'labels.',
  'winlog.',
  'auditd.',
  'suricata.',
  'zeek.',
  'traffic.',
  'cef.',
  'leef.',
  'kv.',
  'json.',
  'syslog.',
  'nginx.',
  'postfix.',
  'postgresql.',
  'mysql.',
  'oracle.',
  'dm8.',
  'apache.',
  'squid.',
  'bind.',
  'dovecot.',
  'exchange.',
  'samba.',
  'vsftpd.',
  'openvpn.',
  'kubernetes.',
  'alibabacloud.',
  'huaweicloud.',
  'tencentcloud.',
  'linux.',
  'fortinet.',
  'device.',
  'threat.matched.',
  'asset.',
]

/** Prefixes of fields that enrichment answers for: a record that carries such names itself does not get them. */
export const enrichedPrefixes: readonly string[] = ['threat.matched.', 'asset.', 'organization.']

/** True when the name is under one of the vendor prefixes. */
export function isVendorField(name: string): boolean {
  for (const prefix of vendorPrefixes) if (name.length > prefix.length && name.startsWith(prefix)) return true
  return false
}

/** Names that stand beside the fields of an event (event/event.ts), with their types; a query may use them. */
export const envelopeFields: ReadonlyMap<string, FieldType> = new Map([
  ['@timestamp', 'date'],
  ['event.id', 'keyword'],
  ['event.ingested', 'date'],
  ['event.original', 'text'],
])

/** Type of a field an event may carry in `fields`; undefined when the catalogue does not know the name. */
export function fieldType(name: string): FieldType | undefined {
  return coreFieldByName.get(name)?.type ?? ecsFieldType(name)?.type ?? (isVendorField(name) ? 'keyword' : undefined)
}

/** True when the field always holds an array. */
export function isArrayField(name: string): boolean {
  return coreFieldByName.get(name)?.array ?? ecsFieldType(name)?.array ?? false
}

/** True when an event, a rule, a parser or a page may name this field. */
export function isKnownField(name: string): boolean {
  return envelopeFields.has(name) || fieldType(name) !== undefined
}
