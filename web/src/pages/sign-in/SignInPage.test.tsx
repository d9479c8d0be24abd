// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { mockFetch } from '../../../mock-api/fetch.ts'
import { meKey } from '../../api/session.tsx'
import { chooseLanguage, startWords } from '../../i18n/i18n.ts'
import { ThemeProvider } from '../../theme/theme.tsx'
import SignInPage from './SignInPage.tsx'

let root: Root
let box: HTMLElement
let queries: QueryClient
const answers: Response[] = []

beforeAll(async () => {
  ;(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true
  await startWords()
  // openapi-fetch takes `fetch` when the client is made, so the global is answered through one that asks late.
  vi.stubGlobal('fetch', (input: RequestInfo | URL, init?: RequestInit) => {
    const prepared = answers.shift()
    return prepared ? Promise.resolve(prepared) : mockFetch(input, init)
  })
})

beforeEach(async () => {
  answers.length = 0
  queries = new QueryClient()
  box = document.createElement('div')
  document.body.append(box)
  root = createRoot(box)
  await act(async () =>
    root.render(
      <ThemeProvider>
        <QueryClientProvider client={queries}>
          <SignInPage />
        </QueryClientProvider>
      </ThemeProvider>,
    ),
  )
})

afterEach(async () => {
  await act(async () => root.unmount())
  box.remove()
})

async function signIn(name: string, password: string) {
  const set = (field: string, value: string) => {
    box.querySelector<HTMLInputElement>(`input[name="${field}"]`)!.value = value
  }
  set('name', name)
  set('password', password)
  await act(async () =>
    box.querySelector('form')!.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })),
  )
  await act(() => new Promise((resolve) => setTimeout(resolve, 30)))
}

const refused = (code: string, status: number) =>
  new Response(
    JSON.stringify({ error: { code, message: 'as the server says', hint: '', detail: {}, requestId: 'r' } }),
    { status },
  )

describe('sign-in', () => {
  it('signs in and tells the rest who it is', async () => {
    await signIn('security', 'whatever it is')
    expect(queries.getQueryData(meKey)).toMatchObject({ name: 'security' })
  })

  it('says the code and what to try when refused, in the language that was chosen', async () => {
    await signIn('nobody', 'x')
    expect(box.querySelector('[role="alert"]')?.textContent).toContain('SIGN_IN_FAILED')
    expect(box.querySelector('[role="alert"]')?.textContent).toMatch(/\p{Script=Han}/u)
    await act(() => chooseLanguage('en'))
    await signIn('nobody', 'x')
    expect(box.querySelector('[role="alert"]')?.textContent).not.toMatch(/\p{Script=Han}/u)
    await act(() => chooseLanguage('zh-CN'))
  })

  it('asks for the second factor only when the server wants it', async () => {
    expect(box.querySelector('input[name="code"]')).toBeNull()
    answers.push(refused('TOTP_REQUIRED', 401))
    await signIn('security', 'right')
    expect(box.querySelector('input[name="code"]')).not.toBeNull()
    expect(box.querySelector('[role="alert"]')).toBeNull()
    expect(queries.getQueryData(meKey)).toBeUndefined()
  })
})
