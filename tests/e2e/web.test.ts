import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  choosePassword,
  type Desk,
  hasBrowser,
  type Language,
  openDesk,
  openWindow,
  screens,
  signIn,
} from '../harness/browser.ts'
import { until } from '../harness/platform.ts'
import { sendTcp } from '../harness/send.ts'
import { lookAt } from './look-at.ts'
import { sshIntrusion } from './ssh-lines.ts'
import { type Account, accounts, names, openStage, ownPassword, type Stage } from './stage.ts'

const attacker = { address: '203.0.113.77', host: 'portal-web-07' }

interface Incident {
  id: number
  status: string
  score: number
  closeReason: string | null
  closeNote: string | null
  assigneeName: string | null
  scoreParts: { points: number }[]
}

interface AuditRow {
  action: string
  actorName: string
  target: string
  detail: Record<string, unknown>
}

/** The web client in a real browser on the built program, from the first sign-in to the last page of the menu. */
describe.skipIf(!hasBrowser)('web in the browser of CHROME_PATH', () => {
  let stage: Stage
  /** The screen of `security`, used from test to test as a person would. */
  let desk: Desk
  let incidentId: number

  beforeAll(async () => {
    stage = await openStage()
  }, 240_000)

  afterAll(async () => {
    await stage?.close()
  }, 60_000)

  it('lets a person in with a one-time password only to choose an own one', async () => {
    const oneTime = stage.platform.accounts().security!
    desk = await openDesk(stage.browser, stage.platform.url)
    const { page } = desk
    desk.expectFailure('/api/v1/auth/me')
    desk.expectFailure('/api/v1/auth/sign-in')
    await signIn(desk, 'security', 'not-the-password-1')
    await expect(page.getByTestId('sign-in-problem').textContent()).resolves.toMatch(/\p{Script=Han}/u)
    await signIn(desk, 'security', oneTime)
    await page.getByTestId('change-password-form').waitFor()
    // No page opens before the password is changed.
    await page.goto('/incidents')
    await page.getByTestId('change-password-form').waitFor()
    await choosePassword(desk, oneTime, ownPassword)
    await page.getByTestId('account-menu').waitFor()
    await page.getByTestId('nav-overview').click()
    await page.getByTestId('attention').waitFor()
    expect(new URL(page.url()).pathname).toBe('/')
    await desk.settle()
    expect(desk.takeProblems()).toEqual([])
    // The one-time password is spent.
    const again = await desk.context.request.post('/api/v1/auth/sign-in', {
      data: { name: 'security', password: oneTime },
    })
    expect(again.status()).toBe(401)
  })

  it('shows an alert while it happens, without a reload', async () => {
    const { page } = desk
    await page.getByTestId('nav-incidents').click()
    const other = await openWindow(desk)
    await other.page.goto('/detections')
    for (const window of [desk, other]) {
      await window.page.locator('[data-testid=live][data-status=live]').waitFor()
      await window.settle()
      await window.page.evaluate(() => Object.assign(window, { notReloaded: true }))
    }
    const incident = page.getByTestId('incidents-row').filter({ hasText: attacker.address })
    const detection = other.page.getByTestId('detections-row').filter({ hasText: attacker.address })
    expect(await incident.count()).toBe(0)
    const sentAt = performance.now()
    const after = async (what: Promise<void>) => what.then(() => Math.round(performance.now() - sentAt))
    const shown = Promise.all([after(incident.first().waitFor()), after(detection.first().waitFor())])
    await sendTcp(stage.platform.syslogPort, sshIntrusion(Date.now(), attacker))
    const [incidentMs, detectionMs] = await shown
    console.info(`from sent to shown: incident ${incidentMs} ms, detection ${detectionMs} ms`)
    for (const window of [desk, other]) expect(await window.page.evaluate(() => 'notReloaded' in window)).toBe(true)
    expect([...desk.takeProblems(), ...other.takeProblems()]).toEqual([])
    await other.page.close()
  })

  it('leads an incident from its story to the bytes and to its end', async () => {
    const { page } = desk
    const row = page.getByTestId('incidents-row').filter({ hasText: attacker.address }).first()
    incidentId = Number(await row.getAttribute('data-key'))
    await row.locator('.strong').first().click()
    const detail = page.getByTestId('incident-detail')
    const story = await detail.getByTestId('story').textContent()
    expect(story).toContain(attacker.address)
    // Told at the reader's clock, eight hours from the platform's; readers of Chinese know their own zone.
    expect(story).not.toContain('UTC')
    expect(new URL(page.url()).searchParams.get('id')).toBe(String(incidentId))

    // Who, whom and what to do first stand above everything else.
    expect(await detail.getByTestId('glance').textContent()).toContain(attacker.address)
    await detail.getByTestId('next-steps').locator('li').nth(2).waitFor()

    // The parts add up to the score on screen.
    const cells = (await detail.getByTestId('score').locator('td:last-child').allTextContents()).map(Number)
    const incident = await readIncident()
    expect(cells.at(-1)).toBe(incident.score)
    expect(cells.slice(0, -1).reduce((sum, points) => sum + points, 0)).toBeCloseTo(incident.score, 1)

    await detail.getByTestId('tab-evidence').click()
    await detail.getByTestId('evidence-row').filter({ hasText: 'Accepted password' }).locator('td').last().click()
    await detail.getByTestId('tab-raw').click()
    const raw = detail.getByTestId('raw-view')
    await expect(raw.textContent()).resolves.toMatch(
      /^<86>.* portal-web-07 sshd\[2211\]: Accepted password for root from 203\.0\.113\.77 port 40100 ssh2$/,
    )
    await detail.getByTestId('raw-hex').click()
    await expect(raw.textContent()).resolves.toContain('3c 38 36 3e')

    await detail.getByTestId('take').click()
    await page.getByTestId('toast').first().waitFor()
    await detail.getByTestId('take').waitFor({ state: 'detached' })
    await detail.getByTestId('tab-comments').click()
    await detail.getByTestId('comment-text').fill('Called the owner of the host: not planned.')
    await detail.getByTestId('add-comment').click()
    await detail.getByText('Called the owner of the host: not planned.').last().waitFor()
    await detail.getByTestId('close-incident').click()
    await page.getByTestId('reason-benign').click()
    await page.getByTestId('close-comment').fill('An exercise after all.')
    await page.getByTestId('dialog-ok').click()
    // The list shows what is open: the row goes without a reload.
    await row.waitFor({ state: 'detached' })
    expect(await readIncident()).toMatchObject({
      status: 'closed',
      closeReason: 'benign',
      closeNote: 'An exercise after all.',
      assigneeName: expect.any(String),
    })
    await desk.settle()
    expect(desk.takeProblems()).toEqual([])
  })

  it('leaves a trace of it that the auditor reads', async () => {
    const auditor = await stage.sit('auditor')
    const { page, context } = auditor
    await page.getByTestId('nav-audit').click()
    const table = page.getByTestId('table-audit')
    for (const action of ['incident.assign', 'incident.comment', 'incident.close'])
      await table.locator('tr.data', { hasText: action }).first().waitFor()
    const answer = await context.request.get(`/api/v1/audit?target=incident:${incidentId}`)
    const { items } = (await answer.json()) as { items: AuditRow[] }
    const mine = items.filter(({ actorName }) => actorName === 'security').map(({ action }) => action)
    expect(mine).toEqual(['incident.close', 'incident.comment', 'incident.assign'])
    await page.getByTestId('verify-chain').click()
    await page.getByTestId('chain-result').waitFor()
    expect((await (await context.request.post('/api/v1/audit/verify', await csrf(auditor))).json()).intact).toBe(true)
    expect(auditor.takeProblems()).toEqual([])
    await context.close()
  })

  it('finds records, narrows them, opens one and hands them out', async () => {
    const { page } = desk
    await page.getByTestId('nav-search').click()
    await search(`source.ip:${attacker.address}`)
    // The count of the search before stands until the answer is there.
    await expect.poll(hits, { timeout: 30_000 }).toBe(13)

    await page.locator('.facet-value', { hasText: 'failure' }).getByRole('button').first().click()
    await page.waitForFunction(() => document.querySelector('[data-testid=hit-count]')?.textContent?.startsWith('12'))
    await desk.settle()
    expect(await page.getByTestId('query').inputValue()).toContain('event.outcome:failure')
    expect(new URL(page.url()).searchParams.get('query')).toContain('event.outcome:failure')
    expect(await page.getByTestId('events-row').count()).toBe(12)

    // Dragging over the bars asks for that span; all twelve lie in it.
    const bars = page.getByTestId('histogram')
    expect(
      await bars.locator('rect').evaluateAll((all) => all.some((bar) => Number(bar.getAttribute('height')) > 10)),
    ).toBe(true)
    const box = (await bars.boundingBox())!
    await page.mouse.move(box.x + box.width / 2, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width - 6, box.y + 20, { steps: 4 })
    await page.mouse.up()
    await page.waitForURL((url) => url.searchParams.get('from')?.startsWith('20') ?? false)
    await desk.settle()
    expect(await hits()).toBe(12)

    await page
      .getByTestId('events-row')
      .first()
      .locator('td')
      .last()
      .click({ position: { x: 2, y: 2 } })
    const detail = page.getByTestId('event-detail')
    await detail.getByTestId('fields').getByText(attacker.address).first().waitFor()

    await page.getByTestId('export').click()
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-ndjson').click()])
    const lines = readFileSync(await download.path(), 'utf8')
      .trimEnd()
      .split('\n')
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(records).toHaveLength(12)
    for (const record of records)
      expect(record).toMatchObject({ 'source.ip': attacker.address, 'event.outcome': 'failure', 'user.name': 'root' })
    expect(desk.takeProblems()).toEqual([])
  })

  it('points at the mistake in a query', async () => {
    const { page } = desk
    desk.expectFailure('/api/v1/search')
    await search('source.ip:(10.0.0.1 or')
    await expect(page.getByTestId('query-problem').textContent()).resolves.toMatch(/第 2\d 个字符/)
    await expect(page.getByTestId('problem').first().textContent()).resolves.toContain('QUERY_INVALID')
    await search('')
  })

  it('speaks Chinese until told otherwise, and remembers', async () => {
    const { page } = await openDesk(stage.browser, stage.platform.url)
    await page.goto('/')
    await page.getByTestId('sign-in-form').waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN')
    await page.getByText('数字政府安全运营平台').waitFor()
    await page.getByTestId('language-switch').click()
    await page.waitForFunction(() => document.documentElement.lang === 'en')
    await page.reload()
    await page.getByTestId('sign-in-form').waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('en')
    const text = (await page.getByTestId('sign-in-form').textContent()) ?? ''
    expect(text).not.toMatch(/\p{Script=Han}/u)
    await page.context().close()
  })

  describe('every page of the menu', () => {
    let data: string[]

    beforeAll(async () => {
      data = await furnish(stage)
    })

    /** Pages that were looked at in every size; for whoever else may open them the usual one is enough. */
    const looked = new Set<string>()
    const sizesOf = (name: string, language: Language) => {
      const page = `${name} ${language}`
      const isNew = !looked.has(page)
      looked.add(page)
      return isNew ? screens : screens.slice(0, 1)
    }

    const rounds = accounts.flatMap((account) => (['zh-CN', 'en'] as const).map((language) => ({ account, language })))

    it.each(rounds)('for $account in $language', async ({ account, language }) => {
      const screen = await stage.sit(account, language)
      const { page } = screen
      const defects: string[] = []
      const names = await page
        .locator('nav a[data-testid^=nav-]')
        .evaluateAll((links) => links.map((link) => link.getAttribute('data-testid')!))
      expect(names.length).toBeGreaterThan(5)
      for (const name of names) {
        await page.getByTestId(name).click()
        await page.locator(`[data-testid=${name}][aria-current=page]`).waitFor()
        const sizes = sizesOf(name, language)
        defects.push(...(await lookAt(screen, `${account}/${name.slice(4)}`, { language, data, sizes })))
      }
      for (const [name, path] of await details(account)) {
        await page.goto(path)
        await page.locator('main .detail, main .page').first().waitFor()
        const sizes = sizesOf(name, language)
        defects.push(...(await lookAt(screen, `${account}/${name}`, { language, data, sizes })))
      }
      // What the role may not open stays in the menu and says why.
      for (const entry of await page.locator('nav .entry[aria-disabled=true]').all())
        expect(await entry.getAttribute('title')).toMatch(/: .+/)
      await screen.context.close()
      expect(defects).toEqual([])
    })
  })

  async function readIncident(): Promise<Incident> {
    return (await stage.platform.request<Incident>('GET', `/api/v1/incidents/${incidentId}`)).body
  }

  async function search(query: string): Promise<void> {
    await desk.page.getByTestId('query').fill(query)
    await desk.page.getByTestId('run-search').click()
    await desk.settle()
  }

  async function hits(): Promise<number> {
    return Number.parseInt((await desk.page.getByTestId('hit-count').textContent()) ?? '', 10)
  }

  async function csrf({ context }: Desk) {
    const { csrfToken } = await (await context.request.get('/api/v1/auth/me')).json()
    return { headers: { 'x-csrf-token': csrfToken } }
  }

  /** The pages that are reached by links alone. */
  async function details(account: Account): Promise<[string, string][]> {
    const first = async (path: string) =>
      encodeURIComponent(
        String((await stage.platform.request<{ items: { id: string }[] }>('GET', `/api/v1/${path}`)).body.items[0]!.id),
      )
    const pages: [string, string][] = [
      ['source', `/sources/${await first('sources')}`],
      ['profile', '/profile'],
    ]
    if (account !== 'security') return pages
    const { body } = await stage.platform.request<{ items: { 'event.id': string }[] }>('POST', '/api/v1/search', {
      query: `source.ip:${attacker.address}`,
      from: new Date(Date.now() - 86_400_000).toISOString(),
      to: new Date().toISOString(),
      limit: 1,
    })
    return [
      ...pages,
      ['incident', `/incidents/${incidentId}`],
      ['detection', `/detections/${await first('detections')}`],
      ['rule', `/rules/${await first('rules')}`],
      ['event', `/events/${encodeURIComponent(body.items[0]!['event.id'])}`],
    ]
  }
})

/** Something on every page. Returns the texts that people gave, which may be of any language. */
async function furnish(stage: Stage): Promise<string[]> {
  const { platform } = stage
  const create = async (path: string, body: unknown) => {
    const answer = await platform.request('POST', `/api/v1/${path}`, body)
    expect(answer, path).toMatchObject({ status: 201 })
  }
  const later = new Date(Date.now() + 7 * 86_400_000).toISOString()
  await create('assets', {
    name: 'portal-web-07',
    kind: 'server',
    addresses: ['10.20.3.17'],
    hostNames: ['portal-web-07'],
    criticality: 'high',
    unitId: 1,
    tags: ['portal'],
  })
  await create('indicators', {
    type: 'ip',
    value: '198.51.100.9',
    severity: 'high',
    description: 'Seen at a neighbour',
    origin: 'notice 7',
    expiresAt: later,
  })
  await create('tokens', { name: 'shipper of the portal', permissions: ['ingest'], unitId: 1, expiresAt: later })
  await sendTcp(platform.syslogPort, sshIntrusion(Date.now(), { address: '203.0.113.99', host: 'mail-02' }))
  await until(
    async () => (await platform.request<{ total: number }>('GET', '/api/v1/incidents?status=new')).body.total > 0,
    30_000,
    () => 'no second incident',
  )
  return names(stage)
}
