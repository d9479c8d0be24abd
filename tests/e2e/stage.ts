import type { Browser } from 'playwright-core'
import { choosePassword, type Desk, type Language, openBrowser, openDesk, signIn } from '../harness/browser.ts'
import { type Platform, startPlatform, until } from '../harness/platform.ts'

/** The first accounts, one for each of the three powers. */
export const accounts = ['security', 'admin', 'auditor'] as const
export type Account = (typeof accounts)[number]

/** What one-time passwords are replaced by. */
export const ownPassword = 'Smoke-by-day-fire-by-night-9'

/** One platform and one browser for all tests. */
export interface Stage {
  platform: Platform
  browser: Browser
  /** A signed-in screen of a person, who chooses a password the first time. */
  sit(account: Account, language?: Language): Promise<Desk>
  close(): Promise<void>
}

export async function openStage(options: Parameters<typeof startPlatform>[0] = {}): Promise<Stage> {
  const [platform, browser] = await Promise.all([startPlatform(options), openBrowser()])
  // They are printed once the program is ready, a moment after it answers so.
  await until(
    async () => accounts.every((name) => name in platform.accounts()),
    10_000,
    () => `no accounts in:\n${platform.output()}`,
  )
  const printed = platform.accounts()
  return {
    platform,
    browser,
    async sit(account, language) {
      const desk = await openDesk(browser, platform.url, { language })
      const answer = await desk.context.request.post('/api/v1/auth/sign-in', {
        data: { name: account, password: ownPassword },
        failOnStatusCode: false,
      })
      if (!answer.ok()) {
        await signIn(desk, account, printed[account]!)
        await choosePassword(desk, printed[account]!, ownPassword)
      } else await desk.page.goto('/')
      await desk.page.getByTestId('attention').or(desk.page.getByTestId('account-menu')).first().waitFor()
      await desk.settle()
      desk.takeProblems()
      return desk
    },
    async close() {
      await browser.close()
      await platform.stop()
      platform.remove()
    },
  }
}

interface Newcomer {
  name: string
  role: 'system_administrator' | 'security_manager' | 'security_operator' | 'auditor'
  unitId?: number
}

/** Adds a person through the API; resolves with the one-time password. */
export async function addPerson({ platform }: Stage, { name, role, unitId = 1 }: Newcomer): Promise<string> {
  const body = { name, displayName: name, role, unitId }
  const answer = await platform.request<{ oneTimePassword: string }>('POST', '/api/v1/users', body)
  if (answer.status !== 201) throw new Error(`no user ${name}: ${JSON.stringify(answer.body)}`)
  return answer.body.oneTimePassword
}

/** Names that people gave to units and to each other: of any language. */
export async function names({ platform }: Stage): Promise<string[]> {
  const units = await platform.request<{ items: { name: string }[] }>('GET', '/api/v1/units')
  const users = await platform.request<{ items: { displayName: string }[] }>('GET', '/api/v1/users')
  return [...units.body.items.map(({ name }) => name), ...users.body.items.map(({ displayName }) => displayName)]
}
