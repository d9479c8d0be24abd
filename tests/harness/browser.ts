import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page, type Request } from 'playwright-core'

const browserPath = process.env.CHROME_PATH ?? '/usr/bin/chromium'

export const hasBrowser = existsSync(browserPath)

export type Language = 'zh-CN' | 'en'

/** Sizes of a desk: the least common notebook and the usual screen. */
export const screens = [
  { width: 1440, height: 900 },
  { width: 1920, height: 1080 },
] as const

/** One browser for all tests of a file. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** A person at a screen: own cookies, own memory, and a record of everything that went wrong on it. */
export interface Desk {
  context: BrowserContext
  page: Page
  /** Errors of the console, uncaught exceptions, answers from 400 and requests that failed, since the last call. */
  takeProblems(): string[]
  /** Answers from 400 to this address are part of the test, not problems. */
  expectFailure(path: string): void
  /** Resolves when nothing is being asked and no placeholder is on screen. */
  settle(): Promise<void>
}

/** A new screen at `url`, in Chinese as the product starts, or in a chosen language. */
export async function openDesk(
  browser: Browser,
  url: string,
  options: { language?: Language; width?: number; height?: number } = {},
): Promise<Desk> {
  const { width, height } = { ...screens[0], ...options }
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width, height },
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
    acceptDownloads: true,
    reducedMotion: 'reduce',
  })
  context.setDefaultTimeout(30_000)
  const { language } = options
  if (language)
    await context.addInitScript((name) => localStorage.setItem('watchfire.language', JSON.stringify(name)), language)
  return watch(context, await context.newPage())
}

/** Another window of the same person. */
export async function openWindow(desk: Desk): Promise<Desk> {
  return watch(desk.context, await desk.context.newPage())
}

function watch(context: BrowserContext, page: Page): Desk {
  let problems: string[] = []
  const expected: string[] = []
  const open = new Set<Request>()
  const isExpected = (url: string) => expected.some((path) => url.includes(path))

  page.on('console', (message) => {
    if (message.type() !== 'error') return
    // The browser's own line about an answer from 400; the answer itself is recorded below with its method.
    if (message.text().startsWith('Failed to load resource')) return
    problems.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => problems.push(`exception: ${error.message}`))
  // The live stream stays open for as long as the page does.
  page.on('request', (request) => {
    if (request.resourceType() !== 'eventsource') open.add(request)
  })
  page.on('requestfinished', (request) => open.delete(request))
  page.on('requestfailed', (request) => {
    open.delete(request)
    const reason = request.failure()?.errorText ?? ''
    // A question that is no longer wanted is taken back by the page itself.
    if (reason !== 'net::ERR_ABORTED') problems.push(`${request.method()} ${request.url()}: ${reason}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400 && !isExpected(response.url()))
      problems.push(`${response.request().method()} ${response.url()}: ${response.status()}`)
  })

  return {
    context,
    page,
    takeProblems() {
      const taken = problems
      problems = []
      return taken
    },
    expectFailure: (path) => expected.push(path),
    async settle() {
      for (;;) {
        await page.waitForFunction(() => !document.querySelector('.skeleton, [aria-busy="true"]'))
        if (open.size > 0) {
          await Promise.race([page.waitForEvent('requestfinished'), page.waitForEvent('requestfailed')])
          continue
        }
        // What an answer changes is drawn, and what that drawing asks for is sent, within two frames.
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
        if (open.size === 0 && (await page.locator('.skeleton').count()) === 0) return
      }
    },
  }
}

/** Fills in the sign-in form at the address of a page and sends it. */
export async function signIn({ page }: Desk, name: string, password: string, path = '/'): Promise<void> {
  await page.goto(path)
  const form = page.getByTestId('sign-in-form')
  await form.locator('input[name=name]').fill(name)
  await form.locator('input[name=password]').fill(password)
  await form.locator('button[type=submit]').click()
}

/** Replaces a one-time password by the person's own, as the first sign-in asks for. */
export async function choosePassword({ page }: Desk, oneTime: string, own: string): Promise<void> {
  const form = page.getByTestId('change-password-form')
  await form.locator('input[name=current]').fill(oneTime)
  await form.locator('input[name=new]').fill(own)
  await form.locator('input[name=again]').fill(own)
  await form.locator('button[type=submit]').click()
}
