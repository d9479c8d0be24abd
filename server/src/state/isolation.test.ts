import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { asc, eq, getTableName, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CodedError } from '../event/errors.ts'
import { auditRows } from '../seams/store/schema/audit.ts'
import { ruleFindings, rules } from '../seams/store/schema/rules.ts'
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
import { cancelRuleJob } from './rule-jobs/cancel.ts'
import { createRuleJob } from './rule-jobs/create.ts'
import { getRuleJob, listRuleJobs } from './rule-jobs/list.ts'
import { createRule } from './rules/create.ts'
import { listRuleHistory } from './rules/history.ts'
import { importCollection } from './rules/import-collection.ts'
import { listCollections } from './rules/list-collections.ts'
import { listRuleFindings } from './rules/list-findings.ts'
import { listRuleStates } from './rules/list-state.ts'
import { promoteRule } from './rules/promote.ts'
import { promoteRules } from './rules/promote-many.ts'
import { removeRule } from './rules/remove.ts'
import { removeCollection } from './rules/remove-collection.ts'
import { saveRuleVersion } from './rules/save-version.ts'
import { setRuleEnabled } from './rules/set-enabled.ts'
import { getRuleVersion, listRulePromotions, listRuleVersions } from './rules/versions.ts'
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
import { openTestStore, person, type TestStore } from './store-for-tests.ts'
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

const versionOfTest = {
  yaml: 'title: any',
  samples: { fires: [], silent: [] },
  check: { problems: [] },
  sampleResult: null,
}

const collectionOfTest = {
  ...{ fileName: 'rules.zip', sha256: '0'.repeat(64), licence: '', stage: 'live' as const },
  rules: [{ id: 'imported', path: 'a.yml', yaml: versionOfTest.yaml }],
}

/** In the name of everything that belongs to the other unit. */
const marker = 'AAAA-not-yours'
/** In what belongs to the root unit: all may read it, nobody below may change it. */
const rootMarker = 'BBBB-of-the-root'
const nouns = [
  'assets',
  'audit',
  'canaries',
  'indicators',
  'rule-jobs',
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
  ruleJob: number
}
/** A rule and a collection of the whole platform. */
let rootRule: { id: string; revision: number }
let collection: number
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
  const ruleJob = await createRuleJob(manager, { kind: 'back_test', ruleId: marker, input: {} })
  const seen = { firstSeenAt: new Date(0), lastSeenAt: new Date(store.clock.now()), matchCount: 1 }
  await store.database.insert(ruleFindings).values({
    ...{ id: marker, ruleId: rootMarker, ruleVersion: 1, unitPath: unit.path, severity: 'low', ...seen },
    detection: { sample: { summary: marker, summaryZh: null }, evidence: [], entities: [] },
    ...{ createdAt: new Date(0), updatedAt: new Date(0) },
  })
  rootRule = await createRule(store.system, { ...versionOfTest, id: rootMarker, origin: 'own' })
  collection = (await importCollection(store.system, { ...collectionOfTest, name: rootMarker })).collectionId
  theirs = {
    ...{ unit, user: user.user.id, session: session.sessionId, token: token.record.id },
    ...{ asset: asset.id, indicator: indicator.id, source, run: run.id, canary: canary.id },
    ruleJob: ruleJob.id,
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
  createRule: [
    (context) => createRule(context, { ...versionOfTest, id: 'planted', origin: 'own' }),
    (context) => createRule(context, { ...versionOfTest, id: rootMarker, origin: 'override' }),
  ],
  saveRuleVersion: [
    (context) =>
      saveRuleVersion(context, {
        ...{ ...versionOfTest, id: rootMarker, yaml: 'title: other' },
        expectedRevision: rootRule.revision,
      }),
  ],
  promoteRule: [
    (context) =>
      promoteRule(context, { id: rootMarker, stage: 'live', version: 1, expectedRevision: rootRule.revision }),
  ],
  promoteRules: [(context) => promoteRules(context, { ids: [rootMarker], stage: 'live' })],
  removeRule: [(context) => removeRule(context, { id: rootMarker, expectedRevision: rootRule.revision })],
  importCollection: [
    (context) => importCollection(context, { ...collectionOfTest, name: rootMarker, rules: [] }),
    (context) => importCollection(context, { ...collectionOfTest, name: 'planted' }),
  ],
  removeCollection: [(context) => removeCollection(context, { id: collection })],
  listCollections: [(context) => listCollections(context)],
  listRuleFindings: [(context) => listRuleFindings(context, { ruleId: rootMarker, limit: 500 })],
  listRuleVersions: [(context) => listRuleVersions(context, { ruleId: rootMarker, limit: 500 })],
  getRuleVersion: [(context) => getRuleVersion(context, rootMarker, 1)],
  listRulePromotions: [(context) => listRulePromotions(context, rootMarker)],
  // It looks at the actor's own units.
  createRuleJob: [(context) => createRuleJob(context, { kind: 'back_test', ruleId: 'any', input: {} })],
  cancelRuleJob: [(context) => cancelRuleJob(context, { id: theirs.ruleJob })],
  listRuleJobs: [
    (context) => listRuleJobs(context, { limit: 500 }),
    (context) => listRuleJobs(context, { ruleId: marker }),
  ],
  getRuleJob: [(context) => getRuleJob(context, { id: theirs.ruleJob })],
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

test('who belongs to the root unit works on its rules as the role allows, in no other role', async () => {
  const drafting: Role[] = ['security_operator', 'security_manager']
  const deciding: Role[] = ['security_manager']
  const made = async () => {
    const [version] = (await listRuleVersions(store.system, { ruleId: 'made' })).items
    const [row] = await store.database.select().from(rules).where(eq(rules.id, 'made'))
    return { id: 'made', version: version!.version, expectedRevision: row!.revision }
  }
  const brought = async () => (await listCollections(store.system)).find(({ name }) => name === 'brought')?.id
  const steps: [string, Role[], (context: Context, role: Role) => Promise<unknown>][] = [
    [
      'createRule',
      drafting,
      (context, role) => createRule(context, { ...versionOfTest, id: `made-by-${role}`, origin: 'own' }),
    ],
    [
      'saveRuleVersion',
      drafting,
      async (context, role) => {
        const { id, expectedRevision } = await made()
        return saveRuleVersion(context, { ...versionOfTest, id, expectedRevision, yaml: `title: ${role}` })
      },
    ],
    ['promoteRule', deciding, async (context) => promoteRule(context, { ...(await made()), stage: 'live' })],
    ['promoteRules', deciding, (context) => promoteRules(context, { ids: ['made'], stage: 'draft' })],
    ['importCollection', deciding, (context) => importCollection(context, { ...collectionOfTest, name: 'brought' })],
    ['removeCollection', deciding, async (context) => removeCollection(context, { id: (await brought()) ?? 1 })],
    [
      'removeRule',
      deciding,
      async (context) => {
        const { id, expectedRevision } = await made()
        return removeRule(context, { id, expectedRevision })
      },
    ],
  ]
  await createRule(store.system, { ...versionOfTest, id: 'made', origin: 'own' })
  for (const [name, allowed, step] of steps) {
    // Who may not comes first, so that there is something to be refused.
    const roles = (Object.keys(permissionsByRole) as Role[]).sort((a, b) => +allowed.includes(a) - +allowed.includes(b))
    for (const role of roles) {
      const code = await step(store.as(person(role, '/1/')), role).then(
        () => 'done',
        (error: CodedError) => error.code,
      )
      expect(code, `${name} by ${role}`).toBe(allowed.includes(role) ? 'done' : 'FORBIDDEN')
    }
  }
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
      (text) =>
        text.includes(marker) ||
        text.includes(marker.toLowerCase()) ||
        text.includes(rootMarker) ||
        text.includes(`/1/${id}/`),
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
