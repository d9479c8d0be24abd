import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { zipOf } from '../../server/src/present/workbench/zip-for-tests.ts'
import { type Desk, hasBrowser } from '../harness/browser.ts'
import { until } from '../harness/platform.ts'
import { lookAt } from './look-at.ts'
import { openStage, type Stage } from './stage.ts'

const id = '6f1f6a52-57a0-4c0e-9d39-1f6a5f3f0a11'
const rule = (word: string, more = '') => `title: Vault opened
id: ${id}
status: test
level: high
author: Duty desk
tags:
  - attack.t1078
logsource:
  product: vault
detection:
  selection:
    message|contains: ${word}
${more}  condition: selection
`
const record = (message: string) =>
  JSON.stringify({
    '@timestamp': new Date().toISOString(),
    event: { module: 'vault', dataset: 'vault.door' },
    host: { name: 'vault-01' },
    message,
  })

/** A rule from its first line to the stream and back, as its author does it. */
describe.skipIf(!hasBrowser)('the rule workbench in the browser of CHROME_PATH', () => {
  let stage: Stage
  let desk: Desk

  beforeAll(async () => {
    stage = await openStage()
    desk = await stage.sit('security')
    desk.expectFailure('/api/v1/rules/samples/run')
    for (const message of ['door opened by ops', 'door opened by guest', 'door closed']) await send(message)
    await until(
      async () => (await query('vault')).total === 3,
      30_000,
      () => 'the records are not stored',
    )
  }, 240_000)

  afterAll(async () => {
    await stage?.close()
  }, 60_000)

  const send = async (message: string) => {
    const answer = await stage.platform.request('POST', '/api/v1/ingest/vault', record(message), {
      'content-type': 'application/x-ndjson',
    })
    expect(answer.status).toBe(200)
  }
  const ask = async (path: string) => (await desk.context.request.get(`/api/v1/${path}`)).json()
  const query = async (module: string) => {
    const { csrfToken } = await ask('auth/me')
    const answer = await desk.context.request.post('/api/v1/search', {
      data: { query: `event.module:${module}`, from: 'now-1h', to: 'now' },
      headers: { 'x-csrf-token': csrfToken },
    })
    return answer.json()
  }
  const write = async (text: string) => {
    const editor = desk.page.getByTestId('rule-editor')
    await editor.click()
    await desk.page.keyboard.press('ControlOrMeta+a')
    await desk.page.keyboard.insertText(text)
  }
  const promote = async (stageName: 'test' | 'live') => {
    await desk.page.getByTestId(`promote-${stageName}`).click()
    await desk.page.getByTestId('promotion-evidence').waitFor()
    await desk.page.getByTestId('dialog-ok').click()
    await desk.page.getByTestId('promote-dialog').waitFor({ state: 'hidden' })
  }
  const data = ['Vault opened', 'vault', 'Duty desk', '本单位', '安全管理员']
  const see = async (name: string) => expect(await lookAt(desk, name, { language: 'zh-CN', data })).toEqual([])

  it('shows what is wrong as one types, where it stands', async () => {
    const { page } = desk
    await page.goto('/rules')
    await page.getByTestId('new-rule').click()
    await page.getByTestId('rule-editor').waitFor()
    await write(rule('opened').replace('condition: selection', 'condition: selction'))
    const problem = page.getByTestId('rule-problems').locator('li.error')
    await problem.waitFor()
    expect(await problem.first().textContent()).toContain('检索标识不存在')
    // What is said of it is Chinese too, with the names as they were written.
    expect(await problem.first().textContent()).toContain('条件引用了 `selction`')
    await page.locator('.cm-lintRange-error').first().waitFor()
    await see('workbench-problem')
    await write(rule('opened'))
    await problem.waitFor({ state: 'detached' })
  })

  it('keeps what is not saved over a reload', async () => {
    const { page } = desk
    await page.getByTestId('unsaved').waitFor()
    await page.reload()
    await page.getByTestId('rule-editor').waitFor()
    expect(await page.getByTestId('rule-editor').textContent()).toContain('Vault opened')
    await page.getByTestId('unsaved').waitFor()
  })

  it('runs samples and says which part matched', async () => {
    const { page } = desk
    await page.getByTestId('tab-samples').click()
    await page.getByTestId('add-fires').click()
    await page.getByTestId('sample-fires-0').fill(record('door opened by ops'))
    await page.getByTestId('add-silent').click()
    await page.getByTestId('sample-silent-0').fill(record('door opened by mistake'))
    await page.keyboard.press('ControlOrMeta+Enter')
    const verdict = page.getByTestId('samples-verdict')
    await verdict.waitFor()
    expect(await verdict.getAttribute('class')).toContain('bad')
    await page.locator('.rule-explained summary').first().click()
    await see('workbench-samples')
    await page.getByTestId('sample-silent-0').fill(record('door closed'))
    await page.keyboard.press('ControlOrMeta+Enter')
    await expect.poll(() => verdict.getAttribute('class')).toContain('good')
  })

  it('runs over what is stored, then goes on trial and tells nobody', async () => {
    const { page } = desk
    await page.keyboard.press('ControlOrMeta+s')
    await page.getByTestId('rule-stages').waitFor()
    expect(page.url()).toContain(id)
    await page.getByTestId('tab-back-test').click()
    await page.getByTestId('start-back-test').click()
    await page.getByTestId('back-test-result').waitFor()
    expect(await page.getByTestId('back-test-hits').textContent()).toBe('2')
    await see('workbench-back-test')
    await promote('test')
    await expect.poll(async () => (await ask(`rules/${id}`)).stage).toBe('test')
    await expect
      .poll(
        async () => {
          await send('door opened on trial')
          return (await ask(`rules/${id}/findings`)).firings
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBeGreaterThan(0)
    expect((await ask(`detections?rule=${id}`)).total).toBe(0)
    await page.getByTestId('tab-findings').click()
    await page.getByTestId('findings-count').waitFor()
    await see('workbench-findings')
  })

  it('goes in force and is seen to fire; a second version is rolled back', async () => {
    const { page } = desk
    await promote('live')
    await expect
      .poll(
        async () => {
          await send('door opened in force')
          return (await ask(`detections?rule=${id}`)).total
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBeGreaterThan(0)
    await page.getByTestId('tab-rule').click()
    await page.getByTestId('rule-editor').waitFor()
    await write(rule('closed'))
    await page.getByTestId('unsaved').waitFor()
    await page.keyboard.press('ControlOrMeta+s')
    await page.getByTestId('unsaved').waitFor({ state: 'detached' })
    await page.getByTestId('tab-back-test').click()
    await page.getByTestId('start-back-test').click()
    const difference = page.getByTestId('back-test-difference')
    await difference.waitFor()
    // What the other version found on the same host in the same minutes is no less lost.
    expect(await difference.textContent()).toContain('+1')
    await promote('live')
    await expect.poll(async () => (await ask(`rules/${id}`)).stored.liveVersion).toBe(2)
    await page.getByTestId('tab-history').click()
    await page.getByTestId('rule-diff').waitFor()
    await see('workbench-history')
    await page.getByTestId('roll-back-1').click()
    await page.getByTestId('dialog-ok').click()
    await expect.poll(async () => (await ask(`rules/${id}`)).stored.liveVersion).toBe(1)
    // What an exception really hides stands under it, and in the list of last week.
    const exception = await stage.platform.request<{ id: number }>('POST', '/api/v1/exceptions', {
      ...{ name: 'vault', reason: 'vault', ruleIds: [id], expiresAt: new Date(Date.now() + 86_400_000).toISOString() },
      conditions: [{ field: 'host.name', operator: 'equals', values: ['vault-01'] }],
    })
    expect(exception.status).toBe(201)
    const { total: shown } = await ask(`detections?rule=${id}&suppressed=false`)
    await expect
      .poll(
        async () => {
          await send('door opened in silence')
          return (await ask(`detections?rule=${id}&exception=${exception.body.id}`)).total
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(1)
    expect((await ask(`detections?rule=${id}&suppressed=false`)).total).toBe(shown)
    await page.getByTestId('tab-hidden').click()
    const hidden = page.getByTestId('hidden-last-week')
    await hidden.locator('tbody tr').first().waitFor()
    expect(await page.getByTestId(`hid-by-${exception.body.id}`).textContent()).toMatch(/[1-9]/)
    await see('workbench-hidden')
  })

  it('imports an archive as drafts and reports on every file of it', async () => {
    const { page } = desk
    await page.goto('/rules')
    await page.getByTestId('open-imports').click()
    const imported = rule('opened').replaceAll(id, 'imported-one').replace('Vault opened', 'Imported one')
    const buffer = zipOf([
      { path: 'rules/one.yml', text: imported },
      { path: 'rules/broken.yml', text: 'title: [' },
    ])
    await page.getByTestId('import-file').setInputFiles({ name: 'acme.zip', mimeType: 'application/zip', buffer })
    await page.getByTestId('import-send').click()
    await page.getByTestId('import-report').waitFor()
    expect(await page.getByTestId('import-loaded').textContent()).toBe('1')
    expect(await page.getByTestId('import-refused').textContent()).toBe('1')
    expect(await lookAt(desk, 'rules-import', { language: 'zh-CN', data: [...data, 'Imported one', 'acme'] })).toEqual(
      [],
    )
    await expect.poll(async () => (await ask('rules/imported-one')).stage).toBe('draft')
  })

  it('says the same in English, and makes a rule from a search', async () => {
    const english = await stage.sit('security', 'en')
    const { page } = english
    await page.goto(
      '/search?query=event.module%3Avault%20AND%20host.name%3Avault-01%20AND%20NOT%20message%3Aclosed&from=now-1h&to=now',
    )
    await page.getByTestId('rule-from-search').click()
    await page.getByTestId('rule-editor').waitFor()
    const text = await page.getByTestId('rule-editor').textContent()
    expect(text).toContain("host.name: 'vault-01'")
    expect(text).toContain('condition: selection and not filter')
    await page.getByTestId('rule-problems').waitFor()
    await page.screenshot({ path: '.artefacts/screenshots/workbench-new.en.1440.png' })
    for (const tab of ['back-test', 'history', 'hidden']) {
      await page.goto(`/workbench?id=${id}&tab=${tab}`)
      await page.getByTestId(`tab-${tab}`).waitFor()
      expect(await lookAt(english, `workbench-${tab}`, { language: 'en', data })).toEqual([])
    }
    await page.goto('/rules?origin=own,import')
    expect(await lookAt(english, 'rules-own', { language: 'en', data: [...data, 'Imported one'] })).toEqual([])
  })
})
