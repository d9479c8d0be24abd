/** One change of a regular expression. */
export interface RegexChange {
  what: string
  pattern: string
}

interface Group {
  /** Where each branch begins, and where the last one ends. */
  starts: number[]
  end: number
}

/** Changes of a regular expression: one branch of an alternation left out, the flag in front left out. */
export function regexChanges(pattern: string): RegexChange[] {
  const changes: RegexChange[] = []
  const flags = /^\(\?[ims]+\)/.exec(pattern)
  if (flags) changes.push({ what: `without ${flags[0]}`, pattern: pattern.slice(flags[0].length) })
  for (const { starts, end } of groupsOf(pattern)) {
    if (starts.length === 1) continue
    const branches = starts.map((start, index) => pattern.slice(start, (starts[index + 1] ?? end + 1) - 1))
    for (const [index, branch] of branches.entries()) {
      const rest = branches.toSpliced(index, 1).join('|')
      changes.push({
        what: `without the branch ${branch || 'of nothing'}`,
        pattern: pattern.slice(0, starts[0]) + rest + pattern.slice(end),
      })
    }
  }
  return changes
}

/** The groups of a pattern, the whole of it included, innermost first; escapes and classes hold none. */
function groupsOf(pattern: string): Group[] {
  const groups: Group[] = []
  const open: Group[] = [{ starts: [0], end: pattern.length }]
  let inClass = false
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]
    if (character === '\\') at++
    else if (inClass) inClass = character !== ']'
    else if (character === '[') {
      inClass = true
      // A bracket that stands first belongs to the class.
      if (pattern[at + 1] === '^') at++
      if (pattern[at + 1] === ']') at++
    } else if (character === '(') {
      const head = /^\(\?(?:[ims]*:|P?<\w+>)/.exec(pattern.slice(at))
      open.push({ starts: [at + (head ? head[0].length : 1)], end: pattern.length })
    } else if (character === ')') {
      const group = open.length > 1 ? open.pop() : undefined
      if (group) groups.push({ ...group, end: at })
    } else if (character === '|') open.at(-1)!.starts.push(at + 1)
  }
  return [...groups, open[0]!]
}
