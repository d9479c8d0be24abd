import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { CodedError } from '../event/errors.ts'

/** Records in the format of one parser, in the order they came. */
export interface RuleSample {
  /** Name of the file in the rule's folder. */
  name: string
  /** Name of the parser in content/sources that reads the lines. */
  parser: string
  lines: string[]
  /** The lines in groups that an empty line parts; of a capture, its scenarios. */
  groups: string[][]
  /** Of a capture: the lines of each conversation; what is of none goes with the first of its scenario. */
  conversations?: string[][]
}

/** Reads a capture (`fires.*.pcap`): the records of each scenario in it, and the conversation each is of. */
export type CaptureReader = (bytes: Uint8Array) => { line: string; conversation: string }[][]

/** What the samples of a rule rest on: content/rules/README.md says what each key means. */
const evidenceFile = z.strictObject({
  samples: z.record(
    z.string(),
    z
      .union([
        z.strictObject({ tool: z.string() }),
        z.strictObject({ capture: z.string() }),
        z.strictObject({ format: z.string() }),
      ])
      .array()
      .min(1),
  ),
  equivalent: z.array(z.strictObject({ mutation: z.string(), reason: z.string().min(20) })).default([]),
})
export type RuleEvidence = z.infer<typeof evidenceFile>

/** A rule as it lies in content/rules: a folder with rule.yml and the records it fires on and stays silent on. */
export interface RuleFolder {
  /** Path relative to the rules folder, e.g. `linux/ssh-brute-force`. */
  path: string
  file: string
  yaml: string
  fires: RuleSample[]
  silent: RuleSample[]
  /** What evidence.yml says; empty where there is none. */
  evidence: RuleEvidence
}

/**
 * All rule folders below `<contentDir>/rules`, in path order. Sample files are named `fires.<parser>.log` or `fires.<words>.pcap`.
 * Throws CONFIG_INVALID.
 */
export function readRuleFolders(contentDir: string, readCapture: CaptureReader): RuleFolder[] {
  const root = join(contentDir, 'rules')
  const folders: RuleFolder[] = []
  const visit = (path: string) => {
    const directory = join(root, path)
    const names = readdirSync(directory).sort()
    if (names.includes('rule.yml')) folders.push(readRuleFolder(directory, path, names, readCapture))
    for (const name of names) if (statSync(join(directory, name)).isDirectory()) visit(join(path, name))
  }
  visit('')
  return folders
}

function readRuleFolder(directory: string, path: string, names: string[], readCapture: CaptureReader): RuleFolder {
  const file = join(directory, 'rule.yml')
  const samples = (kind: string): RuleSample[] =>
    names
      .filter((name) => name.startsWith(`${kind}.`))
      .map((name) =>
        name.endsWith('.pcap')
          ? captureSample(name, readFileSync(join(directory, name)), readCapture)
          : textSample(name, readFileSync(join(directory, name), 'utf8')),
      )
  return {
    path,
    file,
    yaml: readFileSync(file, 'utf8'),
    fires: samples('fires'),
    silent: samples('silent'),
    evidence: names.includes('evidence.yml')
      ? readEvidence(join(directory, 'evidence.yml'))
      : { samples: {}, equivalent: [] },
  }
}

function textSample(name: string, text: string): RuleSample {
  const groups = text
    .split(/\n{2,}/)
    .map((group) => group.split('\n').filter((line) => line !== ''))
    .filter((group) => group.length > 0)
  return { name, parser: name.split('.')[1] ?? '', lines: groups.flat(), groups }
}

/** A capture as the records the sensor would send. */
function captureSample(name: string, bytes: Uint8Array, readCapture: CaptureReader): RuleSample {
  const conversations: string[][] = []
  const groups = readCapture(bytes).map((records) => {
    const own = new Map<string, string[]>()
    for (const { line, conversation } of records) own.set(conversation, [...(own.get(conversation) ?? []), line])
    // What is of no conversation, such as what hosts tell of themselves, must not fire by itself: it goes with the first one.
    const [first = [], ...others] = [...own].filter(([key]) => key !== '').map(([, lines]) => lines)
    conversations.push([...first, ...(own.get('') ?? [])], ...others)
    return records.map(({ line }) => line)
  })
  return { name, parser: 'ecs', lines: groups.flat(), groups, conversations }
}

function readEvidence(file: string): RuleEvidence {
  try {
    return evidenceFile.parse(parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    throw new CodedError(
      'CONFIG_INVALID',
      `${file} cannot be used: ${(cause as Error).message}`,
      { path: file },
      { cause },
    )
  }
}
