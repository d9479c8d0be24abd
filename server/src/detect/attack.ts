/**
 * ATT&CK (Enterprise) tactics in the order of an attack. Version 19 of ATT&CK put `stealth` and `defense-impairment` in the
 * place of `defense-evasion`; rules are written with either, so all three are known.
 */
const tacticOrder: readonly string[] = [
  'reconnaissance',
  'resource-development',
  'initial-access',
  'execution',
  'persistence',
  'privilege-escalation',
  'defense-evasion',
  'stealth',
  'defense-impairment',
  'credential-access',
  'discovery',
  'lateral-movement',
  'collection',
  'command-and-control',
  'exfiltration',
  'impact',
]

/** Techniques (`T1110.001`) and tactics (`credential-access`, earliest stage first) named by the `attack.` tags of a rule. */
export function attackOf(tags: readonly string[]): { techniques: string[]; tactics: string[] } {
  const techniques = new Set<string>()
  const tactics = new Set<string>()
  for (const tag of tags) {
    if (!tag.startsWith('attack.')) continue
    const name = tag.slice('attack.'.length)
    if (/^t\d{4}(\.\d{3})?$/.test(name)) techniques.add(name.toUpperCase())
    const tactic = name.replaceAll('_', '-')
    if (tacticOrder.includes(tactic)) tactics.add(tactic)
  }
  return {
    techniques: [...techniques].sort(),
    tactics: [...tactics].sort((a, b) => tacticOrder.indexOf(a) - tacticOrder.indexOf(b)),
  }
}
