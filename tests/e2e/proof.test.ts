/** The pages of proof: the number on the overview, the matrix, the ledger and the canary of a source. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { hasBrowser } from '../harness/browser.ts'
import { until } from '../harness/platform.ts'
import { sendUdp } from '../harness/send.ts'
import { lookAt } from './look-at.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage

beforeAll(async () => {
  if (!hasBrowser) return
  stage = await openStage()
  const lines = Array.from(
    { length: 5 },
    (_, n) => `<86>Nov 20 08:00:0${n} gate sshd[9]: Failed password for root from 203.0.113.9 port ${4000 + n} ssh2`,
  )
  await sendUdp(stage.platform.syslogPort, lines)
  await until(
    async () => {
      const { body } = await stage.platform.request<{ items: { parser: string | null }[] }>('GET', '/api/v1/sources')
      return body.items.some(({ parser }) => parser === 'linux-auth')
    },
    30_000,
    () => 'the source did not appear',
  )
}, 180_000)
afterAll(() => stage?.close())

/** Names that the first start gives, in Chinese on every screen. */
const data = ['本单位', '安全管理员', '系统管理员', '审计员']

it.each(['zh-CN', 'en'] as const)('the matrix, the ledger and the number, in %s', async (language) => {
  if (!hasBrowser) return
  const desk = await stage.sit('security', language)
  const { page } = desk
  const defects: string[] = []
  await page.getByTestId('readiness').scrollIntoViewIfNeeded()
  expect(await page.getByTestId('readiness').innerText()).toMatch(/\d+\s*\/\s*\d+/)
  await page.goto('/attack')
  await desk.settle()
  await page.getByTestId('technique-T1110').click()
  await page.getByTestId('technique-detail').waitFor()
  // A link shows the colleague the same technique.
  expect(page.url()).toContain('id=T1110')
  defects.push(...(await lookAt(desk, 'attack', { language, data: [...data, 'attack.mitre.org'] })))
  const file = await (await page.request.get('/api/v1/attack/export?format=navigator')).json()
  expect(file).toMatchObject({ domain: 'enterprise-attack', versions: { layer: '4.5' } })
  const readiness = await (await page.request.get('/api/v1/readiness')).json()
  const { code, count } = readiness.reasons[0]
  await page.goto(`/rules?canFire=false&enabled=true&stage=live&why=${code}`)
  await desk.settle()
  const found = await page.request.get(`/api/v1/rules?canFire=false&enabled=true&stage=live&why=${code}&limit=1`)
  expect((await found.json()).total).toBe(count)
  const { items } = await found.json()
  expect(items[0].cannotFireReasons[0]).toBe(code)
  defects.push(...(await lookAt(desk, 'rules-why', { language, data })))
  await page.goto(`/rules/${encodeURIComponent(items[0].id)}`)
  await page.getByTestId('test-now').waitFor()
  defects.push(...(await lookAt(desk, 'rule-canary', { language, data: [...data, items[0].title] })))
  await page.goto('/runs')
  await desk.settle()
  expect(await page.getByTestId('bands').locator('.band').count()).toBeGreaterThanOrEqual(4)
  defects.push(...(await lookAt(desk, 'runs', { language, data })))
  expect(defects.filter((line) => !line.includes('attack.mitre.org'))).toEqual([])
  await desk.context.close()
})

it('an administrator tests a source and sees the canary arrive, hop by hop', async () => {
  if (!hasBrowser) return
  const desk = await stage.sit('admin', 'en')
  const { page } = desk
  const { body } = await stage.platform.request<{ items: { id: string }[] }>('GET', '/api/v1/sources')
  await page.goto(`/sources/${body.items[0]!.id}`)
  await page.getByTestId('test-now').click()
  await page.getByTestId('canary').filter({ hasText: 'Arrived' }).first().waitFor({ timeout: 60_000 })
  expect(await page.getByTestId('canaries').innerText()).toContain('Searchable')
  expect(desk.takeProblems()).toEqual([])
})
