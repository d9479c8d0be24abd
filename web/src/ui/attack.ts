/**
 * ATT&CK enterprise tactics in the order of an intrusion, by their short names; stealth and defense impairment are what
 * ATT&CK 19 made of defense evasion, and rules name all three.
 */
export const tactics = [
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
] as const

export type Tactic = (typeof tactics)[number]

export function isTactic(name: string): name is Tactic {
  return (tactics as readonly string[]).includes(name)
}

/** The earliest of some tactics; undefined when none is known. */
export function earliest(names: string[]): Tactic | undefined {
  return tactics.find((tactic) => names.includes(tactic))
}

/** The stages that an incident's score counts, in their order; undefined when it has no part for them. */
export function countedStages(
  parts: { name: string; because: Record<string, string | number> }[],
): string[] | undefined {
  const stages = parts.find(({ name }) => name === 'stages')?.because.stages
  return typeof stages === 'string' ? stages.split(', ') : undefined
}
