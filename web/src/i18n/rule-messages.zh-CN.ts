/**
 * What the rule engine says of a rule, in Chinese. The engine's sentence is the key, `{}` stands for each value in it; values
 * that are sentences themselves are translated likewise. What the YAML parser and RE2 say stands at the end.
 */
const sentences: Record<string, string> = {
  '{} exclude each other': '{}互相排斥，不可能同时成立',
  '{}: only a field that holds a list can match both': '{}：只有取值为列表的字段才能同时匹配两者',
  'not `{}` and not `{}`': '非 `{}` 与非 `{}`',
  'not `{}` and `{}`': '非 `{}` 与 `{}`',
  '`{}` and not `{}`': '`{}` 与非 `{}`',
  '`{}` and `{}`': '`{}` 与 `{}`',
  'The filter leaves nothing of the rule': '过滤之后，规则已不可能命中任何内容',
  'The condition of a filter keeps what it matches; to leave matches out write `not selection`':
    '过滤的条件保留所匹配的内容；要排除匹配项，请写 `not selection`',
  'An empty map can match nothing': '空的映射匹配不到任何内容',
  'An empty list can match nothing': '空的列表匹配不到任何内容',
  '{} in the condition `{}`': '条件 `{1}` 有误：{0}',
  'More than {} nested parts': '嵌套超过 {} 层',
  'Something is missing at the end': '结尾缺少内容',
  'The condition can hold in more than {} ways': '条件成立的方式超过 {} 种',
  'A closing parenthesis is missing': '缺少右括号',
  '`{}` cannot stand here': '`{}` 不能出现在这里',
  'The condition names `{}`, which the detection does not define': '条件引用了 `{}`，但检测部分没有定义它',
  '`{} of` is not known': '不认识 `{} of`',
  'Something is missing after `of`': '`of` 之后缺少内容',
  '`{} of {}` selects no search identifier': '`{} of {}` 没有选中任何检索标识',
  'The condition `{}` pipes into an aggregation': '条件 `{}` 用管道接了聚合',
  '`{}` is left over': '`{}` 是多余的',
  'An empty list of keywords can match nothing': '空的关键字列表匹配不到任何内容',
  'null cannot stand in the list of `{}`': '`{}` 的列表中不能有 null',
  '`{}`: {}': '`{}`：{}',
  '`all` over a single value': '`all` 只作用于一个值',
  'a map cannot be the value of a field': '映射不能作为字段的值',
  'one value grows into more than {}': '一个值展开后超过 {} 个',
  '`{}` needs a text': '`{}` 需要文本',
  '`{}` needs a number': '`{}` 需要数字',
  'two date parts': '出现了两个日期部分',
  '`{}` needs `re` before it': '`{}` 之前需要 `re`',
  '`re` must be the first modifier': '`re` 必须是第一个修饰符',
  '`exists` cannot be combined': '`exists` 不能与其他修饰符合用',
  '`exists` needs a field': '`exists` 需要字段',
  '`exists` needs true or false': '`exists` 需要 true 或 false',
  'the modifier `{}` is not known': '不认识修饰符 `{}`',
  'null cannot be a keyword': 'null 不能作关键字',
  '`{}` is no network': '`{}` 不是网段',
  '`fieldref` needs a field': '`fieldref` 需要字段',
  'a UTF-16 modifier must be followed by `base64` or `base64offset`':
    'UTF-16 修饰符之后必须是 `base64` 或 `base64offset`',
  'a keyword that matches everything': '关键字匹配一切内容',
  'the expression is longer than {}': '表达式长度超过 {}',
  '`{}` cannot follow the modifiers before it': '`{}` 不能接在前面的修饰符之后',
  '`{}` cannot encode a wildcard': '`{}` 不能编码通配符',
  '`{}` needs a text without wildcards': '`{}` 需要不含通配符的文本',
  'too many dashes for `windash`': '`windash` 中的短横线太多',
  'no values are configured for `%{}%`': '没有为 `%{}%` 配置取值',
  'the placeholders expand to too many values': '占位符展开后取值太多',
  'The document is not a map': '文档不是映射',
  'Collections with `action:` are not supported': '不支持带 `action:` 的合集写法',
  'The document has no title': '文档没有 title',
  'The filter names no rules': '过滤没有指明规则',
  '`{}` is missing or not a map': '`{}` 缺失或不是映射',
  '`{}` is missing or not text': '`{}` 缺失或不是文本',
  'not in the subset': '超出所支持的写法',
  'the expression has {} steps, more than {}': '表达式有 {} 步，超过上限 {}',
  'The id or name is taken by "{}" in {}': '编号或名称已被“{}”占用（{}）',
  'The document nests deeper than {} levels': '文档嵌套超过 {} 层',
  'More than {} aliases are expanded': '展开的别名超过 {} 个',
  'The alias `*{}` names nothing that stands before it': '别名 `*{}` 之前没有对应的锚点',
  'The correlation type `{}` is not known': '不认识关联类型 `{}`',
  'The correlation names no rules': '关联没有指明规则',
  'The correlation names `{}`, which is not loaded': '关联引用了 `{}`，但该规则没有载入',
  '`timespan` must be a number and one of s m h d w M y': '`timespan` 必须是数字加单位（s m h d w M y 之一）',
  'No count or value can fulfil the condition': '没有任何次数或取值能满足该条件',
  '`{}` needs `condition.field`': '`{}` 需要 `condition.field`',
  '`{}` takes one field': '`{}` 只能有一个字段',
  '`percentile` must lie between 0 and 100': '`percentile` 必须在 0 到 100 之间',
  'The condition counts beyond {}': '条件的计数超过 {}',
  '`aliases` must be a map': '`aliases` 必须是映射',
  'The alias `{}` must map rules to fields': '别名 `{}` 必须写明每条规则对应的字段',
  'The alias `{}` names `{}`, which is none of the rules': '别名 `{}` 引用了 `{}`，它不在所列规则之中',
  '`{}` needs a condition': '`{}` 需要条件',
  '`{}` cannot have a boolean condition': '`{}` 不能用布尔条件',
  '`condition` must be a map or a text': '`condition` 必须是映射或文本',
  '`{}` is not known in a condition': '条件中不认识 `{}`',
  'The condition compares with nothing': '条件没有比较的对象',
  'The correlation refers to itself through `{}`': '关联经由 `{}` 引用了自身',
  'The text holds no rule': '文本中没有规则',
  'It holds no rule': '其中没有规则',
  'An id has letters, digits, `_`, `.`, `:` and `-`, at most 128':
    '编号由字母、数字、`_`、`.`、`:` 和 `-` 组成，至多 128 个字符',
  'The id {} is no usable id': '编号 {} 不可用',
  'The id is another than that of this rule ({}); a new rule is made under a new id':
    '编号与本规则（{}）不同；新规则请用新编号另建',
  'No source of this platform is of this log source; the rule will not fire':
    '本平台没有属于此日志来源的数据源，规则不会触发',
  'Correct the log source, or leave out what does not matter.': '请更正日志来源，或去掉无关的部分。',

  'All sequence items must start at the same column': '列表各项必须从同一列开始',
  'All mapping items must start at the same column': '映射各项必须从同一列开始',
  'Map keys must be unique': '映射中的键重复',
  'Nested mappings are not allowed in compact mappings': '紧凑写法中不能再嵌套映射',
  'A block sequence may not be used as an implicit map key': '列表不能作为映射的键',
  'Implicit map keys need to be followed by map values': '键之后缺少冒号和值',
  'Implicit keys need to be on a single line': '键必须写在一行内',
  'Implicit keys of flow sequence pairs need to be on a single line': '键必须写在一行内',
  'Tabs are not allowed as indentation': '缩进不能用制表符',
  'Missing closing {}quote': '缺少结尾的引号 {}',
  'Missing , between {} items': '{} 各项之间缺少逗号',
  'Missing , or : between {} items': '{} 各项之间缺少逗号或冒号',
  'Missing space after : in {}': '{} 中冒号之后缺少空格',
  'Sequence item without - indicator': '列表项缺少短横线',
  'Unexpected empty item in {}': '{} 中有空项',
  'Unexpected , in {}': '{} 中有多余的逗号',
  'Unexpected {} at node end': '结尾处出现多余的 {}',
  'Unexpected {} in {}': '{1} 中出现意外的 {0}',
  'Unexpected {} token': '出现意外的 {}',
  'Invalid escape sequence {}': '无效的转义 {}',
  'Plain value cannot start with {}': '不加引号的值不能以 {} 开头',
  'Unresolved tag: {}': '无法解析的标签：{}',
  'Comments must be separated from other tokens by white space characters': '注释与前面的内容之间必须有空白',
  'Block collections are not allowed within flow collections': '方括号或花括号之内不能用缩进写法',
  'Flow {} in block collection must be sufficiently indented and end with a {}': '{} 缩进不够，或缺少结尾的 {}',
  'Flow {} must end with a {}': '{} 必须以 {} 结尾',
  'Source contains multiple documents; please use YAML.parseAllDocuments()': '文本中有多个文档',

  'error parsing regexp: {}: `{}`': '正则表达式有误：{}：`{}`',
  'unexpected )': '多余的右括号',
  'missing closing )': '缺少右括号',
  'missing closing ]': '缺少右方括号',
  'invalid character class': '无效的字符集',
  'invalid character class range': '无效的字符范围',
  'invalid escape sequence': '无效的转义',
  'invalid named capture': '无效的命名分组',
  'invalid or unsupported Perl syntax': '不支持的 Perl 写法',
  'invalid nested repetition operator': '重复符号不能嵌套',
  'invalid repeat count': '无效的重复次数',
  'missing argument to repetition operator': '重复符号之前缺少内容',
  'trailing backslash at end of expression': '表达式以反斜杠结尾',
  'duplicate capture group name': '命名分组重名',
}

interface Sentence {
  pattern: RegExp
  chinese: string
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Those with more words of their own first: `{}: {}` fits much. */
const compiled: Sentence[] = Object.entries(sentences)
  .toSorted(([one], [other]) => other.replaceAll('{}', '').length - one.replaceAll('{}', '').length)
  .map(([english, chinese]) => ({
    pattern: new RegExp(`^${english.split('{}').map(escaped).join('([^]+?)')}$`),
    chinese,
  }))

/** A sentence of the rule engine in Chinese; undefined for one that is not known here. */
export function ruleMessageInChinese(message: string): string | undefined {
  // The YAML parser ends its sentences with the place, which is shown beside them.
  const bare = message.replace(/ at line \d+, column \d+:?$/, '')
  for (const { pattern, chinese } of compiled) {
    const found = pattern.exec(bare)
    if (!found) continue
    const values = found.slice(1).map((value) => (/ /.test(value) ? (ruleMessageInChinese(value) ?? value) : value))
    return fill(chinese, values)
  }
  return undefined
}

/** Values in their order, or where the Chinese names their place. */
function fill(chinese: string, values: string[]): string {
  let next = 0
  return chinese.replace(/\{(\d?)\}/g, (_, place: string) => values[place === '' ? next++ : Number(place)] ?? '')
}
