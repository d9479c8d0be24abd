import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { asc, getTableName, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CodedError } from '../event/errors.ts'
import { auditRows } from '../seams/store/schema/audit.ts'
import { type Actor, permissionsByRole, type Role } from './actor.ts'
import { createAsset } from './assets/create.ts'
import { getAsset } from './assets/get.ts'
import { importAssets } from './assets/import.ts'
import { listAssets } from './assets/list.ts'
import { removeAsset } from './assets/remove.ts'
import { updateAsset } from './assets/update.ts'
import { exportAudit } from './audit/export.ts'
import { listAudit } from './audit/list.ts'
import { getCanary } from './canaries/get.ts'
import { listCanaries } from './canaries/list.ts'
import { testRule, testSource } from './canaries/request.ts'
import { createIndicator } from './indicators/create.ts'
import { getIndicator } from './indicators/get.ts'
import { importIndicators } from './indicators/import.ts'
import { listIndicators } from './indicators/list.ts'
import { removeIndicator } from './indicators/remove.ts'
import { indicatorTypesInForce } from './indicators/types-in-force.ts'
import { listRuleHistory } from './rules/history.ts'
import { listRuleStates } from './rules/list-state.ts'
import { setRuleEnabled } from './rules/set-enabled.ts'
import { beginRun } from './runs/begin.ts'
import { finishRun } from './runs/finish.ts'
import { getRun } from './runs/get.ts'
import { listRuns } from './runs/list.ts'
import { listWindows } from './runs/list-windows.ts'
import { loseOpenRuns } from './runs/lose.ts'
import { requestWindow } from './runs/request-window.ts'
import { listSecrets } from './secrets/list.ts'
import { type MasterKeys, openMasterKeys } from './secrets/master-keys.ts'
import { putSecret } from './secrets/put.ts'
import { removeSecret } from './secrets/remove.ts'
import { rotateMasterKey } from './secrets/rotate.ts'
import { listSessions } from './sessions/list.ts'
import { revokeSession, signOut } from './sessions/revoke.ts'
import { revokeAllSessions } from './sessions/revoke-all.ts'
import { signIn } from './sessions/sign-in.ts'
import { listSettings } from './settings/list.ts'
import { putSetting } from './settings/put.ts'
import { getSource } from './sources/get.ts'
import { listSources } from './sources/list.ts'
import { createSourceObserver } from './sources/observe.ts'
import { sourceSeries } from './sources/series.ts'
import { sourceId } from './sources/source.ts'
import { updateSource } from './sources/update.ts'
import { openTestStore, type TestStore } from './store-for-tests.ts'
import { createToken } from './tokens/create.ts'
import { listTokens } from './tokens/list.ts'
import { revokeToken } from './tokens/revoke.ts'
import { createUnit } from './units/create.ts'
import { ensureRootUnit } from './units/ensure-root.ts'
import { getUnit } from './units/get.ts'
import { listUnits } from './units/list.ts'
import { moveUnit } from './units/move.ts'
import { removeUnit } from './units/remove.ts'
import { renameUnit } from './units/rename.ts'
import type { Unit } from './units/unit.ts'
import { changePassword } from './users/change-password.ts'
import { confirmTotp } from './users/confirm-totp.ts'
import { createUser } from './users/create.ts'
import { enrolTotp } from './users/enrol-totp.ts'
import { getUser } from './users/get.ts'
import { listUsers } from './users/list.ts'
import { removeTotp } from './users/remove-totp.ts'
import { resetPassword } from './users/reset-password.ts'
import { updateUser } from './users/update.ts'
import type { Context } from './write.ts'

const runOfTest = {
  kind: 'backtest' as const,
  subjectId: 'any',
  cause: 'manual' as const,
  windowFrom: new Date(0),
  windowTo: new Date(1),
}

/** In the name of everything that belongs to the other unit. */
const marker = 'AAAA-not-yours'
const nouns = [
  'assets',
  'audit',
  'canaries',
  'indicators',
  'rules',
  'runs',
  'secrets',
  'sessions',
  'settings',
  'sources',
  'tokens',
  'units',
  'users',
]

let store: TestStore
let keys: MasterKeys
/** What belongs to the other unit. */
let theirs: {
  unit: Unit
  user: number
  session: string
  token: string
  asset: number
  indicator: number
  source: string
  run: number
  canary: string
}
let ours: Unit
const strangers: [Role, Context][] = []

beforeAll(async () => {
  store = await openTestStore()
  keys = openMasterKeys(store.dataDir, store.clock)
  await ensureRootUnit(store.database, store.clock)
  const unit = await createUnit(store.system, { parentId: 1, kind: 'city', name: marker })
  ours = await createUnit(store.system, { parentId: 1, kind: 'city', name: 'ours' })
  const user = await createUser(store.system, { name: marker, unitId: unit.id, role: 'system_administrator' })
  const from = { address: marker, userAgent: marker }
  const session = await signIn({ ...store.system, keys }, { name: marker, password: user.oneTimePassword }, from)
  const actor = (role: Role, path: string, id: number, name = marker): Actor => ({
    ...{ kind: 'user', id: String(id), name, unitPath: path, permissions: new Set(permissionsByRole[role]) },
  })
  const administrator = store.as(actor('system_administrator', unit.path, user.user.id))
  const manager = store.as(actor('security_manager', unit.path, user.user.id))
  const later = new Date(store.clock.now() + 3_600_000)
  const token = await createToken(administrator, { name: marker, permissions: ['ingest'], expiresAt: later })
  const asset = await createAsset(store.system, {
    name: marker,
    unitId: unit.id,
    addresses: ['10.1.0.0/16'],
    hostNames: ['.a.cn'],
  })
  const indicator = await createIndicator(manager, { type: 'ip', value: '198.51.100.1', description: marker })
  await putSecret(manager, keys, { name: `notification:${marker.toLowerCase()}`, value: marker })
  const observer = createSourceObserver(store.database, store.clock)
  const counts = { records: 1, parsed: 1, failed: 0, bytes: 1, lastReceivedAtMs: store.clock.now(), lastEventTimeMs: 0 }
  observer.add([
    {
      sourceKey: `http:${marker}`,
      transport: 'http',
      sender: marker,
      source: '',
      parser: '',
      lastReason: '',
      ...counts,
    },
  ])
  await observer.flush()
  const source = sourceId(`http:${marker}`)
  await updateSource(store.system, { id: source, unitId: unit.id })
  const canary = await testSource(administrator, source)
  const run = await beginRun(manager, { ...runOfTest, title: marker })
  theirs = {
    ...{ unit, user: user.user.id, session: session.sessionId, token: token.record.id },
    ...{ asset: asset.id, indicator: indicator.id, source, run: run.id, canary: canary.id },
  }
  for (const role of Object.keys(permissionsByRole) as Role[]) {
    const { user: stranger } = await createUser(store.system, { name: `stranger-${role}`, unitId: ours.id, role })
    strangers.push([role, store.as(actor(role, ours.path, stranger.id, `stranger-${role}`))])
  }
}, 60_000)
afterAll(() => store.close())

const secretOfTheirs = () => `notification:${marker.toLowerCase()}`

async function collect(chunks: AsyncGenerator<string>): Promise<string[]> {
  const all: string[] = []
  for await (const chunk of chunks) all.push(chunk)
  return all
}

/** Each verb, tried by a stranger on what is theirs. Whatever it answers must not hold the marker. */
const cases: Record<string, ((context: Context) => Promise<unknown>)[]> = {
  createAsset: [
    (context) => createAsset(context, { name: 'x', unitId: theirs.unit.id }),
    (context) => createAsset(context, { name: 'x', addresses: ['10.1.2.3'] }),
    (context) => createAsset(context, { name: 'x', hostNames: ['www.a.cn'] }),
  ],
  getAsset: [(context) => getAsset(context, theirs.asset)],
  importAssets: [
    (context) =>
      importAssets(context, [{ line: 1, item: { name: marker, unitId: theirs.unit.id } }]).then(
        (result) => result.imported,
      ),
    (context) =>
      importAssets(context, [{ line: 1, item: { name: 'x', addresses: ['10.1.2.3'] } }]).then(
        (result) => result.imported,
      ),
  ],
  listAssets: [
    (context) => listAssets(context, { limit: 500 }),
    (context) => listAssets(context, { text: marker }),
    (context) => listAssets(context, { text: '10.1.2.3' }),
    (context) => listAssets(context, { unitId: theirs.unit.id }),
  ],
  removeAsset: [(context) => removeAsset(context, { id: theirs.asset })],
  updateAsset: [
    (context) => updateAsset(context, { id: theirs.asset, name: 'x' }),
    (context) => updateAsset(context, { id: theirs.asset, unitId: ours.id }),
  ],
  exportAudit: [
    (context) => collect(exportAudit(context)),
    (context) => collect(exportAudit(context, { target: `user:${theirs.user}` })),
  ],
  listAudit: [
    (context) => listAudit(context, { limit: 500 }),
    (context) => listAudit(context, { actor: marker }),
    (context) => listAudit(context, { target: `user:${theirs.user}` }),
  ],
  getCanary: [(context) => getCanary(context, theirs.canary)],
  listCanaries: [
    (context) => listCanaries(context, { limit: 500 }),
    (context) => listCanaries(context, { sourceId: theirs.source }),
  ],
  testSource: [(context) => testSource(context, theirs.source)],
  testRule: [(context) => testRule(context, 'any')],
  createIndicator: [(context) => createIndicator(context, { type: 'ip', value: '198.51.100.1' })],
  getIndicator: [(context) => getIndicator(context, theirs.indicator)],
  importIndicators: [
    (context) => importIndicators(context, [{ line: 1, item: { type: 'ip', value: '198.51.100.1' } }]),
  ],
  listIndicators: [
    (context) => listIndicators(context, { limit: 500 }),
    (context) => listIndicators(context, { text: marker }),
  ],
  indicatorTypesInForce: [(context) => indicatorTypesInForce(context)],
  removeIndicator: [(context) => removeIndicator(context, { id: theirs.indicator })],
  setRuleEnabled: [(context) => setRuleEnabled(context, { ruleId: 'any', enabled: false })],
  listRuleStates: [(context) => listRuleStates(context)],
  listRuleHistory: [(context) => listRuleHistory(context, { ruleId: 'any' })],
  beginRun: [(context) => beginRun(context, { ...runOfTest, title: 'x', unitPath: theirs.unit.path })],
  finishRun: [(context) => finishRun(context, { id: theirs.run, state: 'failed' })],
  getRun: [(context) => getRun(context, theirs.run)],
  listRuns: [
    (context) => listRuns(context, { limit: 500 }),
    (context) => listRuns(context, { text: marker }),
    (context) => listRuns(context, { unitId: theirs.unit.id }),
  ],
  listWindows: [(context) => listWindows(context, { analyticIds: ['any'], from: new Date(0), to: new Date() })],
  // The program's own, at its start: it takes no unit and ends only what nobody works on.
  loseOpenRuns: [(context) => loseOpenRuns(context, 'analytic')],
  requestWindow: [(context) => requestWindow(context, { analyticId: 'any', windowFrom: new Date(0) })],
  listSecrets: [(context) => listSecrets(context, { purpose: 'notification', limit: 500 })],
  putSecret: [(context) => putSecret(context, keys, { name: secretOfTheirs(), value: 'x' })],
  removeSecret: [(context) => removeSecret(context, { name: secretOfTheirs() })],
  rotateMasterKey: [(context) => rotateMasterKey(context, keys)],
  listSessions: [
    (context) => listSessions(context, { limit: 500, all: true }),
    (context) => listSessions(context, { userId: theirs.user, all: true }),
  ],
  revokeSession: [(context) => revokeSession(context, { id: theirs.session })],
  signOut: [(context) => signOut(context, theirs.session)],
  revokeAllSessions: [(context) => revokeAllSessions(context, { userId: theirs.user })],
  listSettings: [(context) => listSettings(context)],
  putSetting: [(context) => putSetting(context, 'signIn.notice', 'x')],
  getSource: [(context) => getSource(context, theirs.source)],
  listSources: [
    (context) => listSources(context, { limit: 500 }),
    (context) => listSources(context, { text: marker }),
    (context) => listSources(context, { unitId: theirs.unit.id }),
  ],
  sourceSeries: [
    async (context) => {
      const series = await sourceSeries(context, { ids: [theirs.source] })
      if (series.size > 0) throw new RangeError('a series of theirs was answered')
    },
  ],
  updateSource: [
    (context) => updateSource(context, { id: theirs.source, name: 'x' }),
    (context) => updateSource(context, { id: theirs.source, unitId: ours.id }),
  ],
  createToken: [
    (context) =>
      createToken(context, {
        ...{ name: 'x', permissions: ['unit:read'], unitId: theirs.unit.id },
        expiresAt: new Date(store.clock.now() + 3_600_000),
      }),
  ],
  listTokens: [(context) => listTokens(context, { limit: 500, all: true })],
  revokeToken: [(context) => revokeToken(context, { id: theirs.token })],
  createUnit: [(context) => createUnit(context, { parentId: theirs.unit.id, kind: 'unit', name: 'x' })],
  getUnit: [(context) => getUnit(context, theirs.unit.id), (context) => getUnit(context, 1)],
  listUnits: [
    (context) => listUnits(context, { limit: 500 }),
    (context) => listUnits(context, { parentId: 1 }),
    (context) => listUnits(context, { text: marker }),
  ],
  moveUnit: [
    (context) => moveUnit(context, { id: theirs.unit.id, parentId: ours.id }),
    (context) => moveUnit(context, { id: ours.id, parentId: theirs.unit.id }),
  ],
  removeUnit: [(context) => removeUnit(context, { id: theirs.unit.id })],
  renameUnit: [(context) => renameUnit(context, { id: theirs.unit.id, name: 'x' })],
  // These act on oneself: a stranger's own account, never theirs.
  changePassword: [
    (context) => changePassword(context, { present: 'x', next: 'rings of smoke at dusk' }, theirs.session),
  ],
  enrolTotp: [(context) => enrolTotp(context, keys, { password: 'x' })],
  confirmTotp: [(context) => confirmTotp(context, keys, { code: '000000' })],
  createUser: [(context) => createUser(context, { name: 'planted', unitId: theirs.unit.id, role: 'auditor' })],
  getUser: [(context) => getUser(context, theirs.user)],
  listUsers: [
    (context) => listUsers(context, { limit: 500 }),
    (context) => listUsers(context, { text: marker }),
    (context) => listUsers(context, { unitId: theirs.unit.id }),
  ],
  removeTotp: [(context) => removeTotp(context, { userId: theirs.user })],
  resetPassword: [(context) => resetPassword(context, { id: theirs.user })],
  updateUser: [
    (context) => updateUser(context, { id: theirs.user, disabled: true }),
    (context) => updateUser(context, { id: theirs.user, unitId: ours.id }),
  ],
}

/** First parameters of verbs; the program's own functions take a database, a transaction or a value instead. */
const isVerb = (source: string) => /^async (function\*? ?\w* ?|\*)\((\{[^)]*\}|context)\b/.test(source)

/** On which nobody's unit bears: signing in, and the step of other verbs that checks one's own password. */
const withoutUnit = new Set(['signIn', 'requirePresentPassword'])

test('every verb of these nouns has a case', async () => {
  const missing: string[] = []
  for (const noun of nouns) {
    const folder = join(import.meta.dirname, noun)
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))) {
      const exported = (await import(join(folder, file))) as Record<string, unknown>
      for (const [name, value] of Object.entries(exported)) {
        if (typeof value !== 'function' || !isVerb(value.toString())) continue
        if (cases[name] === undefined && !withoutUnit.has(name)) missing.push(`${noun}/${file} ${name}`)
      }
    }
  }
  expect(missing).toEqual([])
})

describe('a stranger of any role', () => {
  const expectedCodes = new Set(['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'SIGN_IN_FAILED', 'SIGN_IN_LOCKED'])

  test.each(Object.entries(cases))('learns and changes nothing by %s', async (name, tries) => {
    const before = await snapshot()
    for (const [role, context] of strangers) {
      for (const attempt of tries) {
        const outcome = await attempt(context).catch((error: unknown) => error)
        if (outcome instanceof CodedError) {
          expect(expectedCodes, `${name} by ${role}: ${outcome.message}`).toContain(outcome.code)
          expect(outcome.message.replace(`secret:${secretOfTheirs()}`, '')).not.toContain(marker)
        } else if (outcome instanceof Error) {
          throw outcome
        } else {
          expect(JSON.stringify(outcome ?? null), `${name} by ${role}`).not.toContain(marker)
        }
      }
    }
    expect(await snapshot()).toEqual(before)
  })
})

/** Everything of theirs in the database; what strangers do to what is their own is left out. */
async function snapshot(): Promise<Record<string, unknown[]>> {
  const { rows: tables } = await store.database.execute<{ name: string }>(
    sql`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
  )
  const state: Record<string, unknown[]> = {}
  for (const { name } of tables) {
    if (name === getTableName(auditRows as PgTable) || name === 'audit_head') continue
    const { rows } = await store.database.execute<{ row: string }>(
      sql`SELECT t::text AS row FROM ${sql.identifier(name)} t ORDER BY 1`,
    )
    const texts = rows.map((row) => row.row)
    const id = theirs.unit.id
    state[name] = texts.filter(
      (text) => text.includes(marker) || text.includes(marker.toLowerCase()) || text.includes(`/1/${id}/`),
    )
  }
  const [head] = await store.database
    .select({ sequence: auditRows.sequence })
    .from(auditRows)
    .orderBy(asc(auditRows.sequence))
    .limit(1)
  state.audit = [head]
  return state
}
