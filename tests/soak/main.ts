// `npm run soak -- --minutes N [--rate N] [--seed N] [--write]`: the built program under load for a long time, killed
// again and again, it and its children. Every record that was acknowledged must be stored exactly once, and memory must
// stay bounded. Before it, with `--seeds N` and `--rounds N`, the simulations run with so many seeds and the API is fuzzed
// with so many rounds. `--write` puts the result into docs/reference/soak.md.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { SeededRandom } from '../../server/src/lib/seeded-random.ts'
import { type ProcessUse, processTree, runLoad } from '../bench/whole-processes.ts'
import { startPlatform, until } from '../harness/platform.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '100' },
    write: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
const random = new SeededRandom(Number(values.seed))
const run = `soak${Date.now().toString(36)}`
const batchLines = 100
const batchEveryMs = 500

interface Sample {
  minute: number
  name: string
  residentMiB: number
}

const facts = { acknowledged: 0, resent: 0, kills: 0, childKills: 0, loadSent: 0 }
const batches = new Map<string, number>()
const samples: Sample[] = []
const problems: string[] = []

simulateAndFuzz()
const platform = await startPlatform()
const endsAtMs = Date.now() + minutes * 60_000
try {
  await Promise.all([acknowledgedStream(), backgroundLoad(), killNowAndThen(), watchMemory()])
  await verify()
} finally {
  await platform.stop()
  platform.remove()
}
const report = describe()
console.log(report)
if (values.write) writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'reference', 'soak.md'), report)
process.exit(problems.length > 0 ? 1 : 0)

/** What the normal test run does with few seeds and rounds, with many. */
function simulateAndFuzz(): void {
  const env = { ...process.env, WATCHFIRE_SIM_SEEDS: values.seeds, WATCHFIRE_FUZZ_ROUNDS: values.rounds }
  const vitest = join(import.meta.dirname, '..', '..', 'node_modules', 'vitest', 'vitest.mjs')
  const parameters = [
    vitest,
    'run',
    '--project',
    'simulation',
    '--project',
    'contract',
    'tests/sim',
    'tests/contract/fuzz',
  ]
  const { status } = spawnSync(process.execPath, parameters, { env, stdio: 'inherit' })
  if (status !== 0) problems.push(`the simulations or the fuzzing of the API failed (exit ${status})`)
}

function isOver(): boolean {
  return Date.now() >= endsAtMs
}

/** Batches over HTTP, each with a key; one without an answer is sent again until it has one. */
async function acknowledgedStream(): Promise<void> {
  for (let number = 0; !isOver(); number++) {
    const mark = `${run}b${number}`
    const lines = Array.from({ length: batchLines }, (_, index) => `${mark} line ${index} of an ordinary program`)
    while (true) {
      const answer = await platform
        .request('POST', '/api/v1/ingest/soak', lines.join('\n'), {
          'content-type': 'text/plain',
          'idempotency-key': mark,
        })
        .catch(() => undefined)
      if (answer?.status === 200) break
      if (answer && answer.status < 500 && answer.status !== 429) {
        problems.push(`a batch was refused with ${answer.status}: ${JSON.stringify(answer.body)}`)
        return
      }
      facts.resent++
      await sleep(200)
    }
    batches.set(mark, batchLines)
    facts.acknowledged += batchLines
    await sleep(batchEveryMs)
  }
}

/** Syslog beside it, which nobody acknowledges; it starts anew when the platform was killed under it. */
async function backgroundLoad(): Promise<void> {
  while (!isOver()) {
    const seconds = Math.max(1, Math.min(60, Math.round((endsAtMs - Date.now()) / 1_000)))
    const load = runLoad([
      '--syslog-port',
      String(platform.syslogPort),
      '--rate',
      values.rate,
      '--seconds',
      String(seconds),
    ])
    const result = await load.result.catch(() => undefined)
    facts.loadSent += result?.sent ?? 0
    if (!result) await sleep(1_000)
  }
}

/** kill -9, in turn of the program and of one of its children; a restart must need no hand. */
async function killNowAndThen(): Promise<void> {
  for (let turn = 0; ; turn++) {
    await sleep(Math.min(random.integer(25_000, 60_000), Math.max(0, endsAtMs - Date.now())))
    if (Date.now() > endsAtMs - 15_000) return
    if (turn % 2 === 0) {
      facts.kills++
      await platform.kill()
      await platform.restart()
    } else {
      const children = [...processTree(platform.process.pid!)].filter(
        ([pid, use]) => pid !== platform.process.pid && use.name !== 'watchfire',
      )
      if (children.length === 0) continue
      facts.childKills++
      const [pid] = random.pick(children)
      // It may have ended by itself in between.
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }
}

async function watchMemory(): Promise<void> {
  for (let minute = 1; !isOver(); minute++) {
    await sleep(Math.min(60_000, Math.max(0, endsAtMs - Date.now())))
    const sums = new Map<string, number>()
    for (const use of processTree(platform.process.pid!).values() as Iterable<ProcessUse>) {
      sums.set(use.name, (sums.get(use.name) ?? 0) + use.residentMiB)
    }
    for (const [name, residentMiB] of sums) samples.push({ minute, name, residentMiB })
  }
}

async function count(mark: string): Promise<number> {
  const body = {
    query: mark,
    from: new Date(endsAtMs - (minutes + 60) * 60_000).toISOString(),
    to: new Date(Date.now() + 3_600_000).toISOString(),
    limit: 1,
  }
  const answer = await platform.request<{ total: number }>('POST', '/api/v1/search', body).catch(() => undefined)
  return answer?.status === 200 ? answer.body.total : -1
}

/** Every batch by itself, so that one lost and one stored twice do not hide each other. */
async function verify(): Promise<void> {
  const last = [...batches.keys()].at(-1)
  if (!last) {
    problems.push('nothing was acknowledged')
    return
  }
  await until(
    async () => (await count(last)) === batchLines,
    180_000,
    () => 'the last batch was not stored',
    1_000,
  ).catch((error: Error) => problems.push(error.message))
  for (const [mark, lines] of batches) {
    const stored = await count(mark)
    if (stored !== lines) problems.push(`batch ${mark}: ${lines} acknowledged, ${stored} stored`)
  }
  const ready = await fetch(`${platform.url}/readyz`).catch(() => undefined)
  if (ready?.status !== 200) problems.push(`readyz answers ${ready?.status ?? 'nothing'} at the end`)
}

function describe(): string {
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`
  const names = [...new Set(samples.map(({ name }) => name))]
  const memory = names.map((name) => {
    const of = samples.filter((sample) => sample.name === name).map(({ residentMiB }) => residentMiB)
    return `| ${name} | ${of[0]} | ${of[Math.floor(of.length / 2)]} | ${of.at(-1)} | ${Math.max(...of)} |`
  })
  return [
    '# Last soak',
    '',
    `Written by \`npm run soak -- --minutes ${values.minutes} --rate ${values.rate} --seed ${values.seed} --seeds ${values.seeds} --rounds ${values.rounds} --write\` on ${new Date().toISOString().slice(0, 10)}; ${machine}.`,
    '',
    `- The simulations ran with ${Number(values.seeds).toLocaleString('en-US')} seeds each, the API was fuzzed with ${values.rounds} rounds of every operation${problems.some((problem) => problem.startsWith('the simulations')) ? '' : ': no failure'}.`,
    `- ${facts.acknowledged.toLocaleString('en-US')} records acknowledged over HTTP, ${facts.resent} resends; beside them ${facts.loadSent.toLocaleString('en-US')} syslog records at ${values.rate} a second.`,
    `- ${facts.kills} times kill -9 of the program, ${facts.childKills} times of one of its children.`,
    `- ${problems.length === 0 ? 'Every acknowledged record is stored exactly once; the platform is ready at the end.' : `${problems.length} problems:`}`,
    ...problems.slice(0, 50).map((problem) => `  - ${problem}`),
    '',
    '| resident MiB | first minute | middle | last | most |',
    '| --- | --- | --- | --- | --- |',
    ...memory,
    '',
  ].join('\n')
}
