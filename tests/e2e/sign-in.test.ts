import { TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { en } from '../../web/src/i18n/en.ts'
import { zhCN } from '../../web/src/i18n/zh-CN.ts'
import { choosePassword, type Desk, hasBrowser, openDesk, signIn } from '../harness/browser.ts'
import { until } from '../harness/platform.ts'
import { sendTcp } from '../harness/send.ts'
import { sshIntrusion } from './ssh-lines.ts'
import { addPerson, openStage, ownPassword, type Stage } from './stage.ts'

/** Coming in, staying in and coming back: what stands between a person and their work. */
describe.skipIf(!hasBrowser)('signing in, in the browser of CHROME_PATH', () => {
  let stage: Stage

  beforeAll(async () => {
    stage = await openStage()
    const { platform } = stage
    await sendTcp(platform.syslogPort, sshIntrusion(Date.now(), { address: '203.0.113.77', host: 'portal-web-07' }))
    await until(
      async () => (await platform.request<{ total: number }>('GET', '/api/v1/incidents')).body.total > 0,
      30_000,
      () => 'no incident',
    )
  }, 240_000)

  afterAll(async () => {
    await stage?.close()
  }, 60_000)

  it('leads from the one-time password to the page that was asked for', async () => {
    const oneTime = await addPerson(stage, { name: 'zhao.min', role: 'security_operator' })
    const desk = await openDesk(stage.browser, stage.platform.url, { language: 'en' })
    const { page } = desk
    desk.expectFailure('/api/v1/auth/')
    await signIn(desk, 'zhao.min', oneTime, '/incidents?severity=high')
    const form = page.getByTestId('change-password-form')
    await form.waitFor()
    await form.locator('input[name=current]').fill(oneTime)
    await form.locator('input[name=new]').fill('zhao.min-zhao.min')
    await form.locator('input[name=again]').fill('something-else-7')
    await form.locator('button[type=submit]').click()
    await form.getByText(en.password.different).waitFor()
    // The name of the account is no password.
    await choosePassword(desk, oneTime, 'zhao.min-zhao.min')
    await form.getByRole('alert').filter({ hasText: en.problems.PASSWORD_WEAK }).waitFor()
    await choosePassword(desk, oneTime, ownPassword)
    await page.getByTestId('table-incidents').waitFor()
    expect(page.url()).toContain('/incidents?severity=high')
    await desk.context.close()
  })

  it('sets up a second factor and asks for it from then on', async () => {
    const desk = await stage.sit('auditor')
    const { page } = desk
    await page.getByTestId('account-menu').click()
    await page.getByTestId('open-profile').click()
    await page.getByTestId('enrol-totp').click()
    await page.getByLabel(zhCN.password.current).last().fill(ownPassword)
    await page.getByTestId('dialog-ok').click()
    const secret = (await page.getByTestId('totp-secret').textContent())!
    const totp = new TOTP({ secret })
    const code = page.getByLabel(zhCN.signIn.code)
    desk.expectFailure('/api/v1/auth/totp/confirm')
    await code.fill('000000')
    await page.getByRole('button', { name: zhCN.profile.totpConfirm }).click()
    // A wrong code is told as one, and the enrolment goes on.
    await page.getByTestId('toast').filter({ hasText: zhCN.profile.codeWrong }).waitFor()
    await code.fill(totp.generate())
    await page.getByRole('button', { name: zhCN.profile.totpConfirm }).click()
    const codes = (await page.getByTestId('recovery-codes').textContent())!.split('\n')
    expect(codes).toHaveLength(10)
    await page.keyboard.press('Escape')
    await page.getByText(zhCN.profile.totpIsOn).waitFor()
    expect(desk.takeProblems()).toEqual([])
    await desk.context.close()

    const next = await openDesk(stage.browser, stage.platform.url)
    next.expectFailure('/api/v1/auth/')
    await signIn(next, 'auditor', ownPassword)
    const asked = next.page.locator('input[name=code]')
    await asked.waitFor()
    expect(await asked.evaluate((element) => element === document.activeElement)).toBe(true)
    await asked.fill('123456')
    await next.page.keyboard.press('Enter')
    await next.page.getByTestId('sign-in-problem').waitFor()
    // A recovery code does as well as the device, once.
    await asked.fill(codes[0]!)
    await next.page.keyboard.press('Enter')
    await next.page.getByTestId('account-menu').waitFor()
    await next.context.close()
  })

  it('says how long an account rests after too many failures, and how to get in', async () => {
    await addPerson(stage, { name: 'qian.wen', role: 'security_operator' })
    const desk = await openDesk(stage.browser, stage.platform.url)
    desk.expectFailure('/api/v1/auth/')
    const problem = desk.page.getByTestId('sign-in-problem')
    for (let attempt = 1; attempt <= 5; attempt++) {
      await signIn(desk, 'qian.wen', `not-the-password-${attempt}`)
      await problem.waitFor()
    }
    await signIn(desk, 'qian.wen', 'not-the-password-6')
    await problem.filter({ hasText: /15 分/ }).waitFor()
    expect(await problem.textContent()).toContain(zhCN.problems.SIGN_IN_LOCKED)
    expect(await problem.textContent()).not.toMatch(/Too many/)
    await desk.context.close()
  })

  describe.each(['zh-CN', 'en'] as const)('when the session ends in the middle of work (%s)', (language) => {
    const words = language === 'en' ? en : zhCN

    it('keeps page and words, and goes on for the same person', async () => {
      const desk = await stage.sit('security', language)
      const { page } = desk
      await page.getByTestId('nav-incidents').click()
      await page.getByTestId('incidents-row').first().locator('.strong').click()
      await page.getByTestId('tab-comments').click()
      const text = `Seen at the gate, half a sent… ${language}`
      await page.getByTestId('comment-text').fill(text)
      const address = page.url()
      await endSessionsElsewhere(desk)
      desk.expectFailure('/api/v1/')
      await page.getByTestId('add-comment').click()
      const back = page.getByTestId('return')
      await back.getByText(words.signIn.ended).waitFor()
      expect(await back.locator('input[name=name]').inputValue()).toBe('security')
      // Nothing of the page shows behind it, nothing of it can be reached.
      expect(await page.getByTestId('comment-text').evaluate((field) => field.matches(':focus'))).toBe(false)
      await back.locator('input[name=password]').fill(ownPassword)
      await page.keyboard.press('Enter')
      await back.waitFor({ state: 'detached' })
      expect(page.url()).toBe(address)
      expect(await page.getByTestId('comment-text').inputValue()).toBe(text)
      await page.getByTestId('add-comment').click()
      await page.getByTestId('incident-detail').getByText(text).last().waitFor()
      await page.locator('[data-testid=live][data-status=live]').waitFor()
      expect(desk.takeProblems().filter((problem) => !problem.startsWith('console'))).toEqual([])
      await desk.context.close()
    })
  })

  it('tells a screen that only follows, and starts afresh for somebody else', async () => {
    const desk = await stage.sit('security')
    const { page } = desk
    await page.goto('/incidents?sort=-lastSeenAt')
    await page.getByTestId('incidents-row').first().waitFor()
    await endSessionsElsewhere(desk)
    desk.expectFailure('/api/v1/')
    // Nobody touches anything: the stream ends, and the page asks why.
    const back = page.getByTestId('return')
    await back.waitFor({ timeout: 40_000 })
    await back.locator('input[name=name]').fill('admin')
    const printed = stage.platform.accounts().admin!
    await back.locator('input[name=password]').fill(printed)
    await page.keyboard.press('Enter')
    await page.getByTestId('change-password-form').waitFor()
    await choosePassword(desk, printed, ownPassword)
    // Of the administrator's power incidents are not.
    await page.getByTestId('forbidden').waitFor()
    expect(await page.getByTestId('incidents-row').count()).toBe(0)
    await desk.context.close()
  })

  it('fits a phone: sign in, choose an incident, read it to the bytes', async () => {
    const desk = await openDesk(stage.browser, stage.platform.url, { width: 390, height: 844 })
    const { page } = desk
    desk.expectFailure('/api/v1/auth/me')
    const fits = async () =>
      expect(await page.evaluate(() => document.documentElement.scrollWidth), page.url()).toBeLessThanOrEqual(390)
    await page.goto('/incidents')
    await page.getByTestId('sign-in-form').waitFor()
    await fits()
    await signIn(desk, 'security', ownPassword, '/incidents')
    const row = page.getByTestId('incidents-row').first()
    await row.waitFor()
    await fits()
    await row.locator('.strong').click()
    const detail = page.getByTestId('incident-detail')
    await detail.getByTestId('story').waitFor()
    await desk.settle()
    await fits()
    const box = (await detail.boundingBox())!
    expect(box.x).toBeGreaterThanOrEqual(0)
    expect(box.x + box.width).toBeLessThanOrEqual(390)
    await detail.getByTestId('tab-evidence').click()
    await detail.getByTestId('evidence-row').first().locator('td').last().click()
    await detail.getByTestId('tab-raw').click()
    await detail.getByTestId('raw-view').waitFor()
    await fits()
    expect(desk.takeProblems()).toEqual([])
    await desk.context.close()
  })

  /** What an administrator or the clock does: every session of the person ends, this page is not told. */
  async function endSessionsElsewhere(desk: Desk): Promise<void> {
    const { request } = desk.context
    const { csrfToken } = await (await request.get('/api/v1/auth/me')).json()
    const { items } = await (await request.get('/api/v1/auth/sessions')).json()
    const current = (items as { id: string; current: boolean }[]).find((session) => session.current)!
    const answer = await request.delete(`/api/v1/auth/sessions/${current.id}`, {
      headers: { 'x-csrf-token': csrfToken },
    })
    expect(answer.status()).toBe(204)
  }
})
