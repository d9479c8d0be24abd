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
