import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Locator, Page } from 'playwright-core'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { en } from '../../web/src/i18n/en.ts'
import { zhCN } from '../../web/src/i18n/zh-CN.ts'
import { choosePassword, type Desk, hasBrowser, openDesk, signIn } from '../harness/browser.ts'
import { until } from '../harness/platform.ts'
import { sendTcp } from '../harness/send.ts'
import { lookAt } from './look-at.ts'
import { sshIntrusion } from './ssh-lines.ts'
import { names, openStage, ownPassword, type Stage } from './stage.ts'

/** What the system administrator arranges, and where the security manager has incidents sent. */
describe.skipIf(!hasBrowser)('administration in the browser of CHROME_PATH', () => {
  let stage: Stage
  let admin: Desk

  beforeAll(async () => {
    // Receivers of the tests listen on loopback.
    stage = await openStage({ environment: { WATCHFIRE_ALLOW_PRIVATE_DESTINATIONS: 'true' } })
    await sendTcp(
      stage.platform.syslogPort,
      sshIntrusion(Date.now(), { address: '203.0.113.77', host: 'portal-web-07' }),
    )
    admin = await stage.sit('admin', 'en')
  }, 240_000)

  afterAll(async () => {
    await stage?.close()
  }, 60_000)

  it('makes units, moves one and takes it back', async () => {
    const { page } = admin
    await page.getByTestId('nav-units').click()
    const tree = page.getByRole('tree')
    const root = (await tree.locator('.ant-tree-treenode').nth(0).textContent())!
    // Nothing is chosen: the way on is said, not hidden.
    expect(await page.getByTestId('new-unit').getAttribute('title')).toBe(en.unit.chooseFirst)
    await tree.getByText(root.split(' ')[0]!).first().click()
    for (const [name, kind] of [
      ['Yunlu City', 'city'],
      ['Lake County', 'county'],
    ] as const) {
      await page.getByTestId('new-unit').click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel(en.unit.name).fill(name)
      await choose(dialog, en.unit.kind, en.unit.kinds[kind])
      await page.getByTestId('dialog-ok').click()
      await tree.getByText(name).waitFor()
    }
    await tree.getByText('Lake County').click()
    await page.getByTestId('move-unit').click()
    await choose(page.getByRole('dialog'), en.unit.moveBelow, 'Yunlu City')
    await page.getByTestId('dialog-ok').click()
    await page.getByTestId('toast').filter({ hasText: en.unit.moved }).waitFor()
    const city = await unitNamed('Yunlu City')
    expect((await unitNamed('Lake County')).parentId).toBe(city.id)
    await page.getByTestId('toast-action').click()
    await until(
      async () => (await unitNamed('Lake County')).parentId === 1,
      10_000,
      () => 'not taken back',
    )
    await admin.settle()
    expect(await lookAt(admin, 'administration/units', { language: 'en', data: await names(stage) })).toEqual([])
  })

  it('makes a user of one power, whom the first sign-in greets; nobody gives themselves another', async () => {
    const { page } = admin
    await page.getByTestId('nav-units').click()
    await page.getByTestId('new-user').click()
    let dialog = page.getByRole('dialog')
    await dialog.getByLabel(en.user.name, { exact: true }).fill('sun.lei')
    await dialog.getByLabel(en.user.displayName, { exact: true }).fill('Sun Lei')
    // One role a person: the choice holds one, and each says what it is for.
    await choose(dialog, en.user.role, en.roleHint.security_operator)
    await choose(dialog, en.source.unit, 'Yunlu City')
    await page.getByTestId('dialog-ok').click()
    const oneTime = (await page.getByTestId('one-time-password').textContent())!
    await page.keyboard.press('Escape')
    const row = page.getByTestId('users-row').filter({ hasText: 'sun.lei' })
    expect(await row.textContent()).toContain(en.user.fresh)

    const newcomer = await openDesk(stage.browser, stage.platform.url, { language: 'en' })
    newcomer.expectFailure('/api/v1/auth/me')
    await signIn(newcomer, 'sun.lei', oneTime)
    await choosePassword(newcomer, oneTime, ownPassword)
    await newcomer.page.getByTestId('account-menu').waitFor()
    expect(await newcomer.page.locator('.brand').textContent()).toContain('Yunlu City')
    await newcomer.context.close()

    // The same name again is refused where it was typed, and the words stay.
    admin.expectFailure('/api/v1/users')
    await page.getByTestId('new-user').click()
    dialog = page.getByRole('dialog')
    await dialog.getByLabel(en.user.name, { exact: true }).fill('sun.lei')
    await dialog.getByLabel(en.user.displayName, { exact: true }).fill('Somebody else')
    await page.getByTestId('dialog-ok').click()
    await page.getByTestId('toast').filter({ hasText: 'CONFLICT' }).waitFor()
    expect(await dialog.getByLabel(en.user.displayName, { exact: true }).inputValue()).toBe('Somebody else')
    await page.keyboard.press('Escape')

    await page
      .getByTestId('users-row')
      .filter({ hasText: /^admin/ })
      .getByTestId('edit-user')
      .click()
    dialog = page.getByRole('dialog')
    await dialog.getByText(en.user.ownPowers).waitFor()
    expect(await dialog.getByLabel(en.user.role).isDisabled()).toBe(true)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    // Nor by another way.
    const { user, csrfToken } = await (await admin.context.request.get('/api/v1/auth/me')).json()
    const mine = await (await admin.context.request.get(`/api/v1/users/${user.id}`)).json()
    const answer = await admin.context.request.patch(`/api/v1/users/${user.id}`, {
      data: { role: 'auditor' },
      headers: { 'x-csrf-token': csrfToken, 'if-match': `"${mine.version}"` },
      failOnStatusCode: false,
    })
    expect(answer.status()).toBe(409)
    admin.takeProblems()
  })

  it('imports assets from CSV and tells which lines were refused', async () => {
    const { page } = admin
    await page.getByTestId('nav-assets').click()
    await page.getByTestId('import-assets').click()
    const lines = [
      '名称,类型,地址,主机名,重要性,标签',
      'portal-web-07,server,10.20.3.17,portal-web-07,high,portal;web',
      'wrong-address,server,10.20.3.999,,low,',
      'wrong-worth,server,10.20.3.18,,enormous,',
      '"quoted, with comma",database,10.20.3.19,db-19,critical,',
    ]
    await page
      .getByLabel(en.import.file)
      .setInputFiles({ name: 'assets.csv', mimeType: 'text/csv', buffer: Buffer.from(`\uFEFF${lines.join('\r\n')}`) })
    await page.getByTestId('dialog-ok').click()
    const done = page.getByTestId('import-done')
    await done.waitFor()
    expect(await done.textContent()).toContain('2')
    const refused = (await page.getByTestId('import-rejected').textContent())!.split('\n')
    expect(refused).toHaveLength(2)
    expect(refused[0]).toMatch(/^3: .*10\.20\.3\.999|^3: addresses/)
    expect(refused[1]).toMatch(/^4: criticality/)
    await page.keyboard.press('Escape')
    const table = page.getByTestId('table-assets')
    await table.getByText('quoted, with comma').waitFor()
    expect(await table.locator('tr.data').count()).toBe(2)
    expect(admin.takeProblems()).toEqual([])
  })

  it('gives a source a name, a unit, a parser of its own and a silence alarm', async () => {
    const { page } = admin
    await page.getByTestId('nav-sources').click()
    await page.getByTestId('sources-row').first().locator('.strong').click()
    const detail = page.getByTestId('source-detail')
    await detail.getByLabel(en.source.name, { exact: true }).fill('Portal of the city')
    await choose(detail, en.source.parser, /^(?!Guess).*linux/i)
    await choose(detail, en.source.unit, 'Yunlu City')
    await detail.getByLabel(en.source.silence).fill('5')
    await detail.getByRole('button', { name: en.actions.save }).click()
    await page.getByTestId('toast').filter({ hasText: en.states.saved }).waitFor()
    const row = page.getByTestId('sources-row').filter({ hasText: 'Portal of the city' })
    await row.waitFor()
    await page.reload()
    await page.getByTestId('source-detail').waitFor()
    const city = await unitNamed('Yunlu City')
    const { items } = (await stage.platform.request<{ items: Source[] }>('GET', '/api/v1/sources')).body
    const source = items.find(({ name }) => name === 'Portal of the city')
    expect(source).toMatchObject({ pinned: true, unitId: city.id, silenceAfterMinutes: 5 })
    expect(admin.takeProblems()).toEqual([])
  })

  describe('notifications', () => {
    const received: { body: Record<string, unknown>; key: string | undefined }[] = []
    let answerWith = 400
    const hook = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString())
        received.push({ body, key: request.headers['idempotency-key']?.toString() })
        response.writeHead(answerWith).end()
      })
    })
    const mails: string[] = []
    const post = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData(stream, _session, done) {
        const chunks: Buffer[] = []
        stream.on('data', (chunk) => chunks.push(chunk))
        stream.on('end', () => {
          mails.push(Buffer.concat(chunks).toString())
          done()
        })
      },
    })
    let desk: Desk
    let page: Page

    beforeAll(async () => {
      await Promise.all([
        new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve)),
        new Promise<void>((resolve) => post.listen(0, '127.0.0.1', resolve)),
      ])
      desk = await stage.sit('security')
      page = desk.page
    })

    afterAll(async () => {
      await desk?.context.close()
      hook.close()
      post.close(() => {})
    })

    it('sends a test to a webhook, shows how it failed, and sends it again', async () => {
      await page.getByTestId('nav-notifications').click()
      await page.getByTestId('new-channel').click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel(zhCN.notification.name).fill('值班群')
      await dialog.getByLabel(zhCN.notification.url).fill('not an address')
      await page.getByTestId('dialog-ok').click()
      await dialog.locator('.ant-form-item-explain-error').first().waitFor()
      const { port } = hook.address() as AddressInfo
      await dialog.getByLabel(zhCN.notification.url).fill(`http://127.0.0.1:${port}/hook`)
      await dialog.getByLabel(zhCN.notification.secret).fill('a-key-that-signs')
      expect(await lookAt(desk, 'administration/channel', { language: 'zh-CN' })).toEqual([])
      await page.getByTestId('dialog-ok').click()
      const channel = page.getByTestId('channels-row').filter({ hasText: '值班群' })
      await channel.getByTestId('test-channel').click()
      await page.getByTestId('toast-action').click()
      const delivery = page.getByTestId('deliveries-row').first()
      await delivery.filter({ hasText: zhCN.notification.status.failed }).waitFor()
      expect(received).toHaveLength(1)
      answerWith = 200
      await delivery.getByTestId('retry-delivery').click()
      await delivery.filter({ hasText: zhCN.notification.status.delivered }).waitFor()
      expect(received).toHaveLength(2)
      // The receiver can tell that both are one.
      expect(received[1]!.key).toBe(received[0]!.key)
      expect(JSON.stringify(received[1]!.body)).toContain('烽燧通知测试')
      // The filter asks the server.
      await page.getByTestId('filter-state').click()
      await page.getByRole('dialog').getByText(zhCN.notification.status.failed).click()
      await page.getByTestId('empty').waitFor()
      expect(page.url()).toContain('state=failed')
      expect(desk.takeProblems()).toEqual([])
    })

    it('sends mail in the language of the channel', async () => {
      await page.goto('/notifications')
      await page.getByTestId('new-channel').click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel(zhCN.notification.name).fill('Mail of the duty officer')
      await choose(dialog, zhCN.notification.kind, zhCN.notification.kinds.email)
      await choose(dialog, zhCN.notification.language, zhCN.notification.languages.en)
      await dialog.getByLabel(zhCN.notification.to).fill('duty@yunlu.example')
      await page.keyboard.press('Enter')
      await dialog.getByLabel(zhCN.notification.from).fill('watchfire@yunlu.example')
      await dialog.getByLabel(zhCN.notification.host).fill('127.0.0.1')
      await dialog.getByLabel(zhCN.notification.port).fill(String((post.server.address() as AddressInfo).port))
      await choose(dialog, zhCN.notification.security, zhCN.notification.securities.none)
      await page.getByTestId('dialog-ok').click()
      const channel = page.getByTestId('channels-row').filter({ hasText: 'Mail of the duty officer' })
      await channel.getByTestId('test-channel').click()
      await page.getByTestId('toast-action').click()
      await page
        .getByTestId('deliveries-row')
        .filter({ hasText: 'Mail of the duty officer' })
        .filter({ hasText: zhCN.notification.status.delivered })
        .waitFor()
      expect(mails).toHaveLength(1)
      expect(mails[0]).toContain('To: duty@yunlu.example')
      expect(mails[0]).toContain('Watchfire test notice')
      expect(desk.takeProblems()).toEqual([])
    })
  })

  interface Unit {
    id: number
    name: string
    parentId: number | null
  }

  interface Source {
    name: string
    pinned: boolean
    unitId: number
    silenceAfterMinutes: number | null
  }

  async function unitNamed(name: string): Promise<Unit> {
    const { items } = (await stage.platform.request<{ items: Unit[] }>('GET', '/api/v1/units')).body
    return items.find((unit) => unit.name === name)!
  }
})

/** Opens a list of choices by its label and takes one. */
async function choose(form: Locator, label: string, option: string | RegExp): Promise<void> {
  const box = form.getByLabel(label, { exact: true })
  await box.focus()
  await box.press('ArrowDown')
  const list = form.page().locator('.ant-select-dropdown:visible')
  await list.locator('.ant-select-item-option').filter({ hasText: option }).first().click()
  await list.waitFor({ state: 'hidden' })
}
