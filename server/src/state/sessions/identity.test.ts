import { eq, like } from 'drizzle-orm'
import { type TOTP, URI } from 'otpauth'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { auditRows } from '../../seams/store/schema/audit.ts'
import { sessions, tokens, users } from '../../seams/store/schema/identity.ts'
import { secrets } from '../../seams/store/schema/settings.ts'
import type { Role } from '../actor.ts'
import { type Actor, allPermissions } from '../actor.ts'
import { type MasterKeys, openMasterKeys } from '../secrets/master-keys.ts'
import { openTestStore, type TestStore } from '../store-for-tests.ts'
import { createToken } from '../tokens/create.ts'
import { listTokens } from '../tokens/list.ts'
import { createTokenResolver, type TokenResolver } from '../tokens/resolve.ts'
import { revokeToken } from '../tokens/revoke.ts'
import { createUnit } from '../units/create.ts'
import { ensureRootUnit } from '../units/ensure-root.ts'
import type { Unit } from '../units/unit.ts'
import { bootstrapIdentity, type FirstAccount } from '../users/bootstrap.ts'
import { changePassword } from '../users/change-password.ts'
import { confirmTotp } from '../users/confirm-totp.ts'
import { createUser } from '../users/create.ts'
import { enrolTotp } from '../users/enrol-totp.ts'
import { getUser } from '../users/get.ts'
import { listUsers } from '../users/list.ts'
import { removeTotp } from '../users/remove-totp.ts'
import { resetPassword } from '../users/reset-password.ts'
import { updateUser } from '../users/update.ts'
import { listSessions } from './list.ts'
import { createSessionResolver, type SessionResolver } from './resolve.ts'
import { revokeSession, signOut } from './revoke.ts'
import { revokeAllSessions } from './revoke-all.ts'
import { csrfTokenOf, isCsrfToken } from './session-token.ts'
import { signIn } from './sign-in.ts'

const bootstrapToken = 'bootstrap-token-of-the-test-0123456789'
let store: TestStore
let keys: MasterKeys
let resolver: SessionResolver
let tokenResolver: TokenResolver
let first: FirstAccount[]
let city: Unit

beforeAll(async () => {
  store = await openTestStore()
  keys = openMasterKeys(store.dataDir, store.clock)
  resolver = createSessionResolver(store.database, store.clock)
  tokenResolver = createTokenResolver(store.database, store.clock)
  await ensureRootUnit(store.database, store.clock)
  first = await bootstrapIdentity(store.database, store.clock, { bootstrapToken })
  city = await createUnit(store.system, { parentId: 1, kind: 'city', name: '甲市' })
}, 60_000)
afterAll(() => store.close())

let person: { name: string; id: number; password: string }
let number = 0
/** Every test has an address and a person of its own, since failures are counted. */
beforeEach(async () => {
  number++
  person = await newPerson('security_operator', city.id)
})

const fails = (code: string) => expect.objectContaining({ code })
const from = () => ({ address: `192.0.2.${number}`, userAgent: 'vitest' })

function enter(name: string, password: string, code?: string, address = from()) {
  return signIn({ database: store.database, clock: store.clock, keys }, { name, password, code }, address)
}

async function actorOf(token: string): Promise<Actor> {
  resolver.forget()
  const signedIn = await resolver.resolve(token, from().address)
  if (!signedIn) throw new RangeError('no live session')
  return signedIn.actor
}

/** A person who has changed the one-time password. */
async function newPerson(role: Role, unitId: number) {
  const name = `${role.slice(-8)}-${number}-${store.clock.id().slice(0, 6)}`
  const created = await createUser(store.system, { name, unitId, role })
  const session = await enter(name, created.oneTimePassword)
  const password = `Beacon tower ${store.clock.id()}`
  const context = store.as(await actorOf(session.token))
  await changePassword(context, { present: created.oneTimePassword, next: password }, session.sessionId)
  return { name, id: created.user.id, password }
}

const auditOf = (target: string) =>
  store.database.select().from(auditRows).where(eq(auditRows.target, target)).orderBy(auditRows.sequence)

describe('first start', () => {
  test('makes one account for each power, once, and their passwords must be changed', async () => {
    expect(first.map(({ name, role }) => [name, role])).toEqual([
      ['admin', 'system_administrator'],
      ['security', 'security_manager'],
      ['auditor', 'auditor'],
    ])
    expect(await bootstrapIdentity(store.database, store.clock, { bootstrapToken: 'another-token-0123456' })).toEqual(
      [],
    )
    expect(await tokenResolver.resolve('another-token-0123456', '192.0.2.250')).toBeUndefined()
    const session = await enter('ＡＤＭＩＮ ', first[0]!.oneTimePassword)
    expect(session.mustChangePassword).toBe(true)
    const context = store.as(await actorOf(session.token))
    expect([...context.actor.permissions]).toEqual([])
    await expect(listUsers(context)).rejects.toEqual(fails('FORBIDDEN'))
    await changePassword(
      context,
      { present: first[0]!.oneTimePassword, next: 'rings of smoke at dusk' },
      session.sessionId,
    )
    expect((await actorOf(session.token)).permissions.has('user:write')).toBe(true)
  })

  test('the configured token acts with every permission and is marked in the audit', async () => {
    const actor = await tokenResolver.resolve(bootstrapToken, '192.0.2.251')
    expect(actor).toMatchObject({ kind: 'token', name: 'bootstrap', unitPath: '/1/', address: '192.0.2.251' })
    expect([...actor!.permissions].sort()).toEqual([...allPermissions].sort())
    const [row] = await auditOf(`token:${actor!.id}`)
    expect(row?.detail).toMatchObject({ bootstrap: true, firstStart: true })
  })
})

describe('signing in', () => {
  test('answers a session whose token is nowhere in the database', async () => {
    const session = await enter(person.name, person.password)
    const signedIn = await resolver.resolve(session.token, '203.0.113.9')
    expect(signedIn).toMatchObject({ userId: person.id, role: 'security_operator', mustChangePassword: false })
    expect(signedIn!.actor).toMatchObject({ unitPath: city.path, address: '203.0.113.9', kind: 'user' })
    expect(isCsrfToken(session.token, csrfTokenOf(session.token))).toBe(true)
    expect(isCsrfToken(session.token, session.csrfToken.toLowerCase())).toBe(false)
    expect(isCsrfToken(session.token, undefined)).toBe(false)
    const everything = JSON.stringify([
      await store.database.select().from(sessions),
      await store.database.select().from(users),
      await store.database.select().from(auditRows),
      await store.database.select().from(tokens),
    ])
    for (const secret of [
      session.token,
      session.csrfToken,
      person.password,
      bootstrapToken,
      first[1]!.oneTimePassword,
    ]) {
      expect(everything).not.toContain(secret)
    }
  })

  test('fails alike for a wrong name, a wrong password and a disabled account; the audit knows which', async () => {
    await updateUser(store.system, { id: person.id, disabled: true })
    const outcomes: unknown[] = []
    const attempts = [
      [person.name, person.password],
      [person.name, 'wrong'],
      ['nobody-of-this-name', 'wrong'],
      ['my-Secret-Password-1', 'x'],
      ["' OR 1=1 --", 'x'],
      ['a\u0000b\ud800', 'x'],
    ]
    for (const [name, password] of attempts) {
      outcomes.push(await enter(name!, password!).catch((error: Error) => ({ ...error, message: error.message })))
    }
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1)
    expect(outcomes[0]).toMatchObject({ code: 'SIGN_IN_FAILED' })
    const rows = await store.database.select().from(auditRows).where(eq(auditRows.actorAddress, from().address))
    const reasons = rows.filter((row) => row.action === 'session.sign-in-failed').map((row) => row.detail.reason)
    expect(reasons).toEqual(['disabled', 'password', 'unknown', 'unknown', 'unknown', 'unknown'])
    expect(JSON.stringify(rows).toLowerCase()).not.toContain('secret-password')
  })

  test('takes about as long for a name nobody has', async () => {
    const timed = async (name: string) => {
      const started = process.hrtime.bigint()
      await enter(name, 'wrong').catch(() => undefined)
      return Number(process.hrtime.bigint() - started) / 1e6
    }
    const ofNobody: number[] = []
    const ofPerson: number[] = []
    for (let round = 0; round < 4; round++) {
      ofNobody.push(await timed(`nobody-${number}`))
      ofPerson.push(await timed(person.name))
    }
    const least = (times: number[]) => Math.min(...times)
    expect(least(ofNobody)).toBeGreaterThan(least(ofPerson) / 3)
    expect(least(ofNobody)).toBeLessThan(least(ofPerson) * 3)
  })

  test('five failures lock the account for 15 minutes, even with the right password and from elsewhere', async () => {
    for (let attempt = 0; attempt < 5; attempt++)
      await expect(enter(person.name, 'wrong')).rejects.toEqual(fails('SIGN_IN_FAILED'))
    const elsewhere = { address: `198.51.100.${number}`, userAgent: '' }
    const locked = await enter(person.name, person.password, undefined, elsewhere).catch((error: unknown) => error)
    expect(locked).toMatchObject({ code: 'SIGN_IN_LOCKED', status: 429 })
    expect((locked as { detail: { retryAfterMs: number } }).detail.retryAfterMs).toBeGreaterThan(890_000)
    expect(await auditOf(`account:${person.name}`)).toHaveLength(1)
    store.clock.advance(15 * 60_000 + 1_000)
    await enter(person.name, person.password, undefined, elsewhere)
    // And the count begins anew.
    await expect(enter(person.name, 'wrong')).rejects.toEqual(fails('SIGN_IN_FAILED'))
    await enter(person.name, person.password)
  })

  test('a hundred guesses at once are five', async () => {
    const guesses = Array.from({ length: 100 }, (_, index) => {
      const address = { address: `2001:db8::${number}:${index}`, userAgent: '' }
      return enter(person.name, index === 99 ? person.password : `guess ${index}`, undefined, address)
    })
    const codes = (await Promise.allSettled(guesses)).map((result) =>
      result.status === 'rejected' ? result.reason.code : 'in',
    )
    expect(codes.filter((code) => code === 'SIGN_IN_FAILED').length).toBeLessThanOrEqual(5)
    expect(codes.filter((code) => code === 'SIGN_IN_LOCKED').length).toBeGreaterThanOrEqual(94)
  })

  test('twenty failures lock an address, whatever the names', async () => {
    for (let attempt = 0; attempt < 20; attempt++) {
      await expect(enter(`many-${number}-${attempt}`, 'wrong')).rejects.toEqual(fails('SIGN_IN_FAILED'))
    }
    await expect(enter(person.name, person.password)).rejects.toEqual(fails('SIGN_IN_LOCKED'))
    await enter(person.name, person.password, undefined, { address: '198.51.100.200', userAgent: '' })
  })

  test('a lapsed one-time password is refused', async () => {
    const created = await createUser(store.system, { name: `late-${number}`, unitId: 1, role: 'auditor' })
    store.clock.advance(8 * 24 * 3_600_000)
    await expect(enter(`late-${number}`, created.oneTimePassword)).rejects.toEqual(fails('SIGN_IN_FAILED'))
  })
})

describe('sessions', () => {
  test('end when idle, when old, when signed out and when revoked', async () => {
    const idle = await enter(person.name, person.password)
    store.clock.advance(29 * 60_000)
    await actorOf(idle.token)
    store.clock.advance(29 * 60_000)
    await actorOf(idle.token)
    store.clock.advance(31 * 60_000)
    await expect(actorOf(idle.token)).rejects.toThrow(RangeError)
    const old = await enter(person.name, person.password)
    for (let half = 0; half < 24; half++) {
      await actorOf(old.token)
      store.clock.advance(29 * 60_000 + 50_000)
    }
    store.clock.advance(5 * 60_000)
    await expect(actorOf(old.token)).rejects.toThrow(RangeError)
    const left = await enter(person.name, person.password)
    const context = store.as(await actorOf(left.token))
    await signOut(context, left.sessionId)
    await signOut(context, left.sessionId)
    await expect(actorOf(left.token)).rejects.toThrow(RangeError)
    const [signedIn, signedOut, ...rest] = await auditOf(`session:${left.sessionId}`)
    expect([signedIn?.action, signedOut?.action, rest.length]).toEqual(['session.sign-in', 'session.sign-out', 0])
  })

  test('all end when the password is reset, the role or unit changes, or the account is disabled', async () => {
    const changes: (() => Promise<unknown>)[] = [
      () => updateUser(store.system, { id: person.id, role: 'security_manager' }),
      () => updateUser(store.system, { id: person.id, unitId: 1 }),
      () => updateUser(store.system, { id: person.id, disabled: true }),
    ]
    for (const change of changes) {
      const session = await enter(person.name, person.password)
      await change()
      await expect(actorOf(session.token)).rejects.toThrow(RangeError)
    }
    await updateUser(store.system, { id: person.id, disabled: false })
    const session = await enter(person.name, person.password)
    const { oneTimePassword } = await resetPassword(store.system, { id: person.id })
    await expect(actorOf(session.token)).rejects.toThrow(RangeError)
    await expect(enter(person.name, person.password)).rejects.toEqual(fails('SIGN_IN_FAILED'))
    expect((await enter(person.name, oneTimePassword)).mustChangePassword).toBe(true)
  })

  test('a change elsewhere is seen within two seconds', async () => {
    const session = await enter(person.name, person.password)
    await actorOf(session.token)
    await updateUser(store.system, { id: person.id, disabled: true })
    store.clock.advance(2_000)
    expect(await resolver.resolve(session.token, '')).toBeUndefined()
  })

  test('one sees and ends one’s own; an administrator those of the units below', async () => {
    const mine = await enter(person.name, person.password)
    const otherPerson = await newPerson('auditor', 1)
    const others = await enter(otherPerson.name, otherPerson.password)
    const me = store.as(await actorOf(mine.token))
    expect((await listSessions(me)).items.map((session) => session.userId)).not.toContain(otherPerson.id)
    await expect(revokeSession(me, { id: others.sessionId })).rejects.toEqual(fails('NOT_FOUND'))
    await expect(revokeAllSessions(me, { userId: otherPerson.id })).rejects.toEqual(fails('FORBIDDEN'))
    const cityAdministrator = await newPerson('system_administrator', city.id)
    const administrator = store.as(
      await actorOf((await enter(cityAdministrator.name, cityAdministrator.password)).token),
    )
    await expect(revokeSession(administrator, { id: others.sessionId })).rejects.toEqual(fails('NOT_FOUND'))
    await expect(revokeAllSessions(administrator, { userId: otherPerson.id })).rejects.toEqual(fails('NOT_FOUND'))
    expect((await listSessions(administrator, { userId: otherPerson.id })).total).toBe(0)
    await revokeSession(administrator, { id: mine.sessionId })
    await expect(actorOf(mine.token)).rejects.toThrow(RangeError)
    const again = await enter(person.name, person.password)
    const kept = await enter(person.name, person.password)
    expect(await revokeAllSessions(me, { userId: person.id, exceptId: kept.sessionId })).toBeGreaterThanOrEqual(1)
    await expect(actorOf(again.token)).rejects.toThrow(RangeError)
    await actorOf(kept.token)
  })

  test('one person has at most twenty', async () => {
    const opened: string[] = []
    for (let index = 0; index < 22; index++) opened.push((await enter(person.name, person.password)).token)
    await expect(actorOf(opened[0]!)).rejects.toThrow(RangeError)
    await actorOf(opened[21]!)
    const me = store.as(await actorOf(opened[21]!))
    expect((await listSessions(me)).total).toBe(20)
  }, 60_000)
})

describe('passwords', () => {
  test.each([
    ['short', 'length'],
    ['x'.repeat(129), 'length'],
    ['aaaaaaaabbbbcc', 'repeated'],
    ['password12345', 'common'],
    ['P@ssw0rd2026!!', 'common'],
    ['Admin@123456789', 'common'],
    ['qwertyuiop123', 'common'],
    ['1qaz2wsx3edc4rfv', 'common'],
    ['Huawei@12345678', 'common'],
    ['9876543210987654', 'common'],
    ['WatchfireAdmin2026', 'common'],
  ])('%s is refused: %s', async (next, rule) => {
    const session = await enter(person.name, person.password)
    const context = store.as(await actorOf(session.token))
    const change = changePassword(context, { present: person.password, next }, session.sessionId)
    await expect(change).rejects.toMatchObject({ code: 'PASSWORD_WEAK', detail: { rule } })
  })

  test('one that holds the user name, backwards too, or was used before, is refused', async () => {
    const session = await enter(person.name, person.password)
    const context = store.as(await actorOf(session.token))
    const change = (present: string, next: string) => changePassword(context, { present, next }, session.sessionId)
    await expect(change(person.password, `xK9 ${person.name.toUpperCase()} vR2`)).rejects.toMatchObject({
      detail: { rule: 'user_name' },
    })
    await expect(change(person.password, person.password)).rejects.toMatchObject({ detail: { rule: 'history' } })
    await change(person.password, '烽火连三月家书抵万金一二三')
    await expect(change('烽火连三月家书抵万金一二三', person.password)).rejects.toMatchObject({
      detail: { rule: 'history' },
    })
  })

  test('guessing the present one from a stolen session locks the account', async () => {
    const session = await enter(person.name, person.password)
    const context = store.as(await actorOf(session.token))
    const guess = () => changePassword(context, { present: 'guess', next: 'rings of smoke at dusk' }, session.sessionId)
    for (let attempt = 0; attempt < 5; attempt++) await expect(guess()).rejects.toEqual(fails('SIGN_IN_FAILED'))
    await expect(guess()).rejects.toEqual(fails('SIGN_IN_LOCKED'))
    const other = await newPersonContext()
    await expect(changePassword(other, { present: 'x', next: 'rings of smoke at dusk' }, 'x')).rejects.toEqual(
      fails('FORBIDDEN'),
    )
  })

  async function newPersonContext() {
    return store.as((await tokenResolver.resolve(bootstrapToken, from().address))!)
  }
})

describe('the second factor', () => {
  const codeOf = (uri: string, timestamp = store.clock.now()) => (URI.parse(uri) as TOTP).generate({ timestamp })

  async function enrolled() {
    const session = await enter(person.name, person.password)
    const context = store.as(await actorOf(session.token))
    const { uri } = await enrolTotp(context, keys, { password: person.password })
    const { recoveryCodes } = await confirmTotp(context, keys, { code: codeOf(uri) })
    store.clock.advance(60_000)
    return { context, uri, recoveryCodes }
  }

  test('is asked for once it is confirmed, and no code is taken twice', async () => {
    const { context, uri } = await enrolled()
    await expect(enter(person.name, person.password)).rejects.toEqual(fails('TOTP_REQUIRED'))
    await expect(enter(person.name, 'wrong')).rejects.toEqual(fails('SIGN_IN_FAILED'))
    const code = codeOf(uri)
    await enter(person.name, person.password, `${code.slice(0, 3)} ${code.slice(3)}`)
    await expect(enter(person.name, person.password, code)).rejects.toEqual(fails('SIGN_IN_FAILED'))
    // An older code than the one taken is as good as taken.
    await expect(enter(person.name, person.password, codeOf(uri, store.clock.now() - 30_000))).rejects.toEqual(
      fails('SIGN_IN_FAILED'),
    )
    store.clock.advance(60_000)
    await enter(person.name, person.password, codeOf(uri))
    await expect(enrolTotp(context, keys, { password: person.password })).rejects.toEqual(fails('CONFLICT'))
  })

  test('of ten sign-ins at once with one code, one gets in', async () => {
    const { uri } = await enrolled()
    const code = codeOf(uri)
    const attempts = await Promise.allSettled(
      Array.from({ length: 4 }, () => enter(person.name, person.password, code)),
    )
    expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(1)
  })

  test('recovery codes work once each; wrong codes lock', async () => {
    const { recoveryCodes } = await enrolled()
    expect(new Set(recoveryCodes).size).toBe(10)
    await enter(person.name, person.password, recoveryCodes[3]!.toUpperCase().replaceAll('-', ' '))
    await expect(enter(person.name, person.password, recoveryCodes[3])).rejects.toEqual(fails('SIGN_IN_FAILED'))
    for (let attempt = 0; attempt < 4; attempt++) {
      await expect(enter(person.name, person.password, `00000${attempt}`)).rejects.toEqual(fails('SIGN_IN_FAILED'))
    }
    await expect(enter(person.name, person.password, recoveryCodes[4])).rejects.toEqual(fails('SIGN_IN_LOCKED'))
  })

  test('is taken away with the password, or by an administrator; its seed is gone then', async () => {
    const { context } = await enrolled()
    const seed = () =>
      store.database
        .select()
        .from(secrets)
        .where(eq(secrets.name, `totp:${person.id}`))
    expect(await seed()).toHaveLength(1)
    await expect(removeTotp(context, { userId: person.id })).rejects.toEqual(fails('SIGN_IN_FAILED'))
    await removeTotp(context, { userId: person.id, password: person.password })
    await enter(person.name, person.password)
    expect(await seed()).toHaveLength(0)
    await enrolled()
    await removeTotp(store.system, { userId: person.id })
    await enter(person.name, person.password)
  })
})

describe('people', () => {
  test('nobody changes their own role or account, and the last administrator stays', async () => {
    const [admin] = (
      await listUsers(store.system, { text: 'admin', role: 'system_administrator', unitId: 1 })
    ).items.filter((user) => user.name === 'admin')
    const administrator = await newPerson('system_administrator', 1)
    const context = store.as(await actorOf((await enter(administrator.name, administrator.password)).token))
    await expect(updateUser(context, { id: administrator.id, disabled: true })).rejects.toEqual(fails('CONFLICT'))
    await expect(resetPassword(context, { id: administrator.id })).rejects.toEqual(fails('CONFLICT'))
    // Each disables the other at the same time: one of them must fail.
    const both = await Promise.allSettled([
      updateUser(store.system, { id: administrator.id, disabled: true }),
      updateUser(store.system, { id: admin!.id, role: 'auditor' }),
    ])
    expect(both.filter((result) => result.status === 'rejected').map((result) => result.reason.code)).toEqual([
      'CONFLICT',
    ])
  })

  test('a name exists once, however it is written', async () => {
    const create = (name: string) => createUser(store.system, { name, unitId: 1, role: 'auditor' })
    await expect(create(person.name.toUpperCase())).rejects.toEqual(fails('CONFLICT'))
    for (const name of ['a', 'a b', '-x', 'a/b', "a'b", 'a\u0000b', 'x'.repeat(65)]) {
      await expect(create(name)).rejects.toEqual(fails('BAD_REQUEST'))
    }
    expect((await create('王小明')).user.name).toBe('王小明')
  })

  test('lists hold no secret, take any text for a filter, and page in every order', async () => {
    const page = await listUsers(store.system, { text: person.name })
    expect(Object.keys(page.items[0]!).join()).not.toMatch(/hash|seed|secret/i)
    for (const text of ["'; DROP TABLE users; --", '%', '_', '\\', '🔥', '"']) {
      expect((await listUsers(store.system, { text })).items.length).toBeLessThanOrEqual(50)
    }
    expect((await listUsers(store.system, { text: '%' })).total).toBe(0)
    for (const sort of ['name', 'createdAt', 'lastSignInAt'] as const) {
      for (const direction of ['asc', 'desc'] as const) {
        const seen: number[] = []
        let cursor: string | undefined
        do {
          const next = await listUsers(store.system, { limit: 3, sort, direction, cursor })
          seen.push(...next.items.map((user) => user.id))
          expect(next.total).toBe((await listUsers(store.system)).total)
          cursor = next.next ?? undefined
        } while (cursor)
        expect(new Set(seen).size).toBe((await listUsers(store.system)).total)
        expect(seen).toHaveLength(new Set(seen).size)
      }
    }
    expect((await getUser(store.system, person.id)).unitName).toBe('甲市')
  })
})

describe('tokens', () => {
  const later = () => new Date(store.clock.now() + 3_600_000)

  test('hold a part of what their maker holds, for a while, and die with the maker’s powers', async () => {
    const me = store.as(await actorOf((await enter(person.name, person.password)).token))
    const make = (permissions: string[], more = {}) =>
      createToken(me, { name: '脚本', permissions: permissions as never, expiresAt: later(), ...more })
    await expect(make(['user:write'])).rejects.toEqual(fails('FORBIDDEN'))
    await expect(make(['audit:read'])).rejects.toEqual(fails('FORBIDDEN'))
    await expect(make(['ingest'])).rejects.toEqual(fails('FORBIDDEN'))
    await expect(make(['nonsense'])).rejects.toEqual(fails('BAD_REQUEST'))
    await expect(make([])).rejects.toEqual(fails('BAD_REQUEST'))
    await expect(make(['event:read'], { unitId: 1 })).rejects.toEqual(fails('NOT_FOUND'))
    await expect(make(['event:read'], { expiresAt: new Date(0) })).rejects.toEqual(fails('BAD_REQUEST'))
    const { token, record } = await make(['event:read', 'rule:read'])
    expect(token).toMatch(/^wf_[\w-]{43}$/)
    const resolve = () => {
      tokenResolver.forget()
      return tokenResolver.resolve(token, from().address)
    }
    expect(await resolve()).toMatchObject({ kind: 'token', unitPath: city.path })
    await expect(
      createToken(store.as((await resolve())!), { name: 'x', permissions: ['event:read'], expiresAt: later() }),
    ).rejects.toEqual(fails('FORBIDDEN'))
    await updateUser(store.system, { id: person.id, role: 'auditor' })
    expect(await resolve()).toBeUndefined()
    await updateUser(store.system, { id: person.id, role: 'security_operator', unitId: 1 })
    expect(await resolve()).toMatchObject({ unitPath: city.path })
    expect(record.hint).toBe(token.slice(-4))
    store.clock.advance(3_600_001)
    expect(await resolve()).toBeUndefined()
  })

  test('an administrator gives ingest, which outlives the account; revoking is at once and for what it made', async () => {
    const administrator = await newPerson('system_administrator', city.id)
    const context = store.as(await actorOf((await enter(administrator.name, administrator.password)).token))
    await expect(createToken(context, { name: 'x', permissions: ['event:read'], expiresAt: later() })).rejects.toEqual(
      fails('FORBIDDEN'),
    )
    const { token, record } = await createToken(context, {
      name: 'filebeat',
      permissions: ['ingest', 'unit:read'],
      expiresAt: later(),
    })
    await updateUser(store.system, { id: administrator.id, disabled: true })
    const actor = await tokenResolver.resolve(token, from().address)
    expect([...actor!.permissions]).toEqual(['ingest'])
    await revokeToken(store.system, { id: record.id })
    tokenResolver.forget()
    expect(await tokenResolver.resolve(token, from().address)).toBeUndefined()

    const bootstrap = store.as((await tokenResolver.resolve(bootstrapToken, from().address))!)
    const child = await createToken(bootstrap, {
      name: 'child',
      permissions: ['token:write', 'unit:read'],
      expiresAt: later(),
    })
    const childContext = store.as((await tokenResolver.resolve(child.token, from().address))!)
    const grandchild = await createToken(childContext, {
      name: 'grandchild',
      permissions: ['unit:read'],
      expiresAt: child.record.expiresAt!,
    })
    await expect(
      createToken(childContext, {
        name: 'x',
        permissions: ['unit:read'],
        expiresAt: new Date(store.clock.now() + 7_200_000),
      }),
    ).rejects.toEqual(fails('BAD_REQUEST'))
    expect(await revokeToken(bootstrap, { id: child.record.id })).toBe(2)
    expect(await tokenResolver.resolve(grandchild.token, from().address)).toBeUndefined()
  })

  test('people see and end their own only; refused ones are audited once a minute', async () => {
    const me = store.as(await actorOf((await enter(person.name, person.password)).token))
    const mine = await createToken(me, { name: 'mine', permissions: ['event:read'], expiresAt: later() })
    const other = await newPerson('security_operator', city.id)
    const them = store.as(await actorOf((await enter(other.name, other.password)).token))
    expect((await listTokens(them)).total).toBe(0)
    expect((await listTokens(me)).items.map((token) => token.id)).toEqual([mine.record.id])
    await expect(revokeToken(them, { id: mine.record.id })).rejects.toEqual(fails('NOT_FOUND'))
    await revokeToken(me, { id: mine.record.id })
    expect((await listTokens(me)).total).toBe(0)
    expect((await listTokens(me, { all: true })).total).toBe(1)
    for (const bad of ['', 'wf_guess', "' OR '1'='1", 'x'.repeat(100_000), '\u0000']) {
      expect(await tokenResolver.resolve(bad, '203.0.113.77')).toBeUndefined()
    }
    const rows = await store.database.select().from(auditRows).where(like(auditRows.actorAddress, '203.0.113.77'))
    expect(rows.map((row) => row.action)).toEqual(['token.refused'])
  })
})
