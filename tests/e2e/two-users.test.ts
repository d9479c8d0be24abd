import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Desk, hasBrowser } from '../harness/browser.ts'
import { lookAt } from './look-at.ts'
import { openStage, type Stage } from './stage.ts'

/** Two people edit the same asset: the second sees who was first and loses nothing. */
describe.skipIf(!hasBrowser)('two people at once in the browser of CHROME_PATH', () => {
  let stage: Stage
  let desk: Desk
  let path: string
  let csrfToken: string

  beforeAll(async () => {
    stage = await openStage()
    desk = await stage.sit('admin')
    desk.expectFailure(`/api/v1/assets/`)
    const { request } = desk.context
    csrfToken = (await (await request.get('/api/v1/auth/me')).json()).csrfToken
    const made = await request.post('/api/v1/assets', {
      data: { name: '档案服务器', owner: '王强' },
      headers: { 'x-csrf-token': csrfToken },
    })
    expect(made.status(), await made.text()).toBe(201)
    path = `/api/v1/assets/${(await made.json()).id}`
  }, 240_000)

  afterAll(async () => {
    await stage?.close()
  }, 60_000)

  const stored = async () => (await desk.context.request.get(path)).json()
  /** What the other of the two does, meanwhile. */
  const other = (change: object) =>
    desk.context.request.patch(path, { data: change, headers: { 'x-csrf-token': csrfToken } })

  async function edit(name: string): Promise<void> {
    const { page } = desk
    await page.goto('/assets')
    await page.getByTestId('asset-edit').click()
    await page.locator('#name').fill(name)
  }
  const save = () => desk.page.getByTestId('dialog-ok').click()

  it('says who changed what, and going back keeps what was typed', async () => {
    const { page } = desk
    await edit('我的名称')
    await other({ owner: '李梅', criticality: 'critical' })
    await save()
    await page.getByTestId('conflict').waitFor()
    // Seen, not only there: whoever asked for less motion sees it too.
    await page.waitForFunction(() =>
      document.querySelector('[data-testid=conflict]')?.checkVisibility({ opacityProperty: true }),
    )
    const text = await page.getByTestId('conflict').textContent()
    expect(text).toContain('admin')
    expect(text).toContain('责任人')
    expect(
      await lookAt(desk, 'conflict', { language: 'zh-CN', data: ['档案服务器', '我的名称', '李梅', '王强', 'admin'] }),
    ).toEqual([])
    await page.getByTestId('conflict-back').click()
    await page.getByTestId('conflict').waitFor({ state: 'hidden' })
    expect(await page.locator('#name').inputValue()).toBe('我的名称')
    expect(await stored()).toMatchObject({ name: '档案服务器', owner: '李梅' })
  })

  it('saves mine over theirs only when that is asked for', async () => {
    const { page } = desk
    await save()
    await page.getByTestId('conflict-mine').click()
    await page.locator('#name').waitFor({ state: 'hidden' })
    expect(await stored()).toMatchObject({ name: '我的名称' })
    await page.getByText('我的名称').first().waitFor()
  })

  it('shows theirs and drops mine', async () => {
    const { page } = desk
    await edit('不要的名称')
    await other({ name: '他们的名称' })
    await save()
    await page.getByTestId('conflict-theirs').click()
    await page.locator('#name').waitFor({ state: 'hidden' })
    await page.getByText('他们的名称').first().waitFor()
    expect(await stored()).toMatchObject({ name: '他们的名称' })
  })
})
