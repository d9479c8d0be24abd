import type { Logger } from 'pino'
import { readRulePaths } from '../../detect/load.ts'
import { openRuleLibrary } from '../../detect/rule-library.ts'
import type { RuleSet } from '../../detect/sigma/ruleset.ts'
import type { Change } from '../../event/change.ts'
import type { Broadcast } from '../../seams/bus/bus.ts'
import type { Database } from '../../seams/store/store.ts'
import { loadRuleStates } from '../../state/rules/load-states.ts'
import { loadRuleTexts } from '../../state/rules/load-texts.ts'
import { rulePaths } from '../rules.ts'

/** The rules as a thread works with them. */
export interface RunningRules {
  set: RuleSet
  /** Ids of rules that people switched off. */
  off: ReadonlySet<string>
}

/** Several changes in a row are one reload. */
const gatherMs = 150
/** A change whose message was missed is seen after this. */
const refreshMs = 60_000

/**
 * The shipped rules and the operator's, now and whenever they change; `take` is told when they did, and nothing is
 * loaded while it is at work. While the store is away the last ones stay in force.
 */
export async function followRules(options: {
  database: Database
  contentDirs: readonly string[]
  changes: Broadcast<Change>
  logger: Logger
  take(rules: RunningRules): Promise<void>
}): Promise<RunningRules & { stop(): void }> {
  const { database, changes, logger, take } = options
  const library = openRuleLibrary(readRulePaths(rulePaths(options.contentDirs)))
  let revision = 0
  let off: ReadonlySet<string> = new Set()
  let due: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let again = false
  let stopped = false

  /** True when something is not as it was. */
  async function load(): Promise<boolean> {
    let changed = false
    for await (const texts of loadRuleTexts(database, revision)) {
      await library.replace(texts.map(({ rule, live, trial }) => ({ ruleId: rule.id, live, trial })))
      revision = texts.at(-1)!.rule.revision
      changed = true
    }
    const states = await loadRuleStates(database)
    const nextOff = [...states.values()].filter((rule) => !rule.enabled).map((rule) => rule.ruleId)
    changed ||= nextOff.length !== off.size || nextOff.some((id) => !off.has(id))
    off = new Set(nextOff)
    return changed
  }

  async function reload(): Promise<void> {
    try {
      if ((await load()) && !stopped) await take({ set: library.set, off })
    } catch (error) {
      logger.warn({ err: error }, 'the rules could not be loaded again; the last ones stay in force')
    }
  }

  function schedule(delayMs: number): void {
    clearTimeout(due)
    if (stopped) return
    due = setTimeout(() => {
      if (running) {
        again = true
        return
      }
      running = reload().finally(() => {
        running = undefined
        schedule(again ? gatherMs : refreshMs)
        again = false
      })
    }, delayMs)
  }

  await load()
  schedule(refreshMs)
  const stopListening = changes.listen((change) => {
    if (change.noun === 'rule') schedule(gatherMs)
  })
  return {
    set: library.set,
    off,
    stop() {
      stopped = true
      clearTimeout(due)
      stopListening()
    },
  }
}
