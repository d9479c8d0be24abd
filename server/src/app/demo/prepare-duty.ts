import { call } from './call.ts'
import { type DemoInputs, sendLines } from './senders.ts'

const channelName = '值班台（演示）'
/** Devices whose records no parser understands, and one that falls silent after its only record. */
const doors = 'door-control'
const silentSource = 'backup-server'

/** A source is listed a moment after it was heard first. */
const settleMs = 500
const settleTries = 40

const draftRule = `title: Root shell opened with sudo
id: 0c0ffee0-0001-4000-8000-000000000001
status: experimental
level: medium
logsource: { product: linux, service: sudo }
detection:
  shell: { process.command_line|endswith: [/bash, /sh, ' su -'] }
  condition: shell
watchfire: { title: 通过 sudo 打开 root 命令行 }
`

const trialId = '0c0ffee0-0002-4000-8000-000000000002'
const trialRule = `title: Sign-in over SSH
id: ${trialId}
status: experimental
level: low
logsource: { product: linux, service: sshd }
detection:
  accepted: { event.category: authentication, event.outcome: success }
  condition: accepted
watchfire: { title: 通过 SSH 登录 }
`

interface Page<Item> {
  items: Item[]
  total: number
}
interface Source {
  id: string
  key: string
  silent: boolean
}

/** The duty desk's channel, which later notices go to; before the history comes in, so that its incidents are told. */
export async function prepareChannel(inputs: DemoInputs, receiverOrigin: string): Promise<void> {
  const settings = { url: `${receiverOrigin}/duty` }
  const { items } = (await call(inputs, 'GET', '/notifications/channels?limit=500')) as Page<{
    id: number
    name: string
  }>
  const known = items.find(({ name }) => name === channelName)
  // The receiver has another port at every start.
  if (known) await call(inputs, 'PATCH', `/notifications/channels/${known.id}`, { settings })
  else await call(inputs, 'POST', '/notifications/channels', { kind: 'webhook', name: channelName, settings })
}

/**
 * What people of the city do once there are records: a look back with the rule on trial, canaries, analytics run over the
 * past. Resolves with what went wrong, if something did.
 */
export async function prepareDuty(inputs: DemoInputs): Promise<string | undefined> {
  try {
    await lookBack(inputs)
    await sendCanaries(inputs)
    await runAnalytics(inputs)
    return undefined
  } catch (error) {
    inputs.signal.throwIfAborted()
    return (error as Error).message
  }
}

const backupLine = (atMs: number) =>
  `<14>1 ${new Date(atMs).toISOString()} backup-01 nightly 812 - - backup of db-01 finished: 412 files`

const doorLines = Array.from(
  { length: 24 },
  (_, index) => `DOOR|3F-0${index % 4}|04${50 + (index % 17)}|PASS|7f${index}`,
)

async function prepareRules(inputs: DemoInputs): Promise<void> {
  const { items } = (await call(inputs, 'GET', '/rules?stage=test&limit=500')) as Page<{ id: string }>
  // A second start finds its own.
  if (items.some(({ id }) => id === trialId)) return
  await call(inputs, 'POST', '/rules', { yaml: draftRule, note: '演练：待评审' })
  const { id, revision } = (await call(inputs, 'POST', '/rules', { yaml: trialRule, note: '演练：试运行' })) as {
    id: string
    revision: number
  }
  const stage = { stage: 'test', version: 1, expectedRevision: revision, note: '演练：观察噪声' }
  await call(inputs, 'POST', `/rules/${id}/stage`, stage)
}

/** A look back with the rule on trial, once there is something to look at. */
async function lookBack(inputs: DemoInputs): Promise<void> {
  const { total } = (await call(inputs, 'GET', '/rule-jobs?limit=1')) as Page<unknown>
  if (total === 0) await call(inputs, 'POST', '/rules/back-tests', { yaml: trialRule, ruleId: trialId, days: 1 })
}

/**
 * What need not wait for the history, and takes its time: one record of a device that then keeps silent, with the shortest
 * alarm for it, records that no parser understands, a rule in the drawer and one on trial.
 */
export async function prepareFirst(inputs: DemoInputs): Promise<void> {
  await sendLines(inputs, silentSource, [backupLine(inputs.clock.now())])
  await sendLines(inputs, doors, doorLines, 'demo-doors')
  await watchForSilence(inputs)
  await prepareRules(inputs)
}

async function watchForSilence(inputs: DemoInputs): Promise<void> {
  for (let turn = 0; turn < settleTries; turn++) {
    const { items } = (await call(inputs, 'GET', '/sources?limit=500')) as Page<Source>
    const source = items.find(({ key }) => key.includes(silentSource))
    if (source) {
      await call(inputs, 'PATCH', `/sources/${source.id}`, { silenceAfterMinutes: 0.5 })
      return
    }
    await inputs.clock.sleep(settleMs, inputs.signal)
  }
  throw new TypeError(`the source ${silentSource} did not appear`)
}

async function sendCanaries(inputs: DemoInputs): Promise<void> {
  const { items: sources } = (await call(inputs, 'GET', '/sources?limit=500')) as Page<Source>
  const source = sources.find(({ key }) => key.includes('portal-web'))
  if (source) await call(inputs, 'POST', `/sources/${source.id}/test`)
  const { items: rules } = (await call(inputs, 'GET', '/rules?kind=detection&limit=1')) as Page<{ id: string }>
  if (rules[0]) await call(inputs, 'POST', `/rules/${rules[0].id}/test`)
}

/** The first windows were answered before the past came in: they are asked for again. */
async function runAnalytics(inputs: DemoInputs): Promise<void> {
  const { items } = (await call(inputs, 'GET', '/analytics')) as Page<{
    id: string
    windows: { from: string; state: string }[]
  }>
  for (const { id, windows } of items) {
    const answered = windows.filter(({ state }) => state !== 'due').at(-1)
    if (answered) await call(inputs, 'POST', `/analytics/${id}/run`, { from: answered.from })
  }
}
