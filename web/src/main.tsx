import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiError } from './api/problem.ts'
import { endSession } from './api/session.tsx'
import { Conflicts } from './forms/Conflicts.tsx'
import { isSuperseded } from './forms/conflict.ts'
import { startWords } from './i18n/i18n.ts'
import { makeRouter } from './router.tsx'
import { problemText } from './ui/problemText.ts'
import './theme/base.css'
import './ui/ui.css'
import './table/table.css'
import './shell/shell.css'
import { ThemeProvider } from './theme/theme.tsx'
import { Toasts, toast } from './ui/toast.tsx'

/** True when the error says no more than that the session has ended; the page then asks to sign in again. */
const isSignedOut = (error: unknown) => {
  const isSo = error instanceof ApiError && error.code === 'UNAUTHENTICATED'
  if (isSo) endSession(queries)
  return isSo
}

const queries = new QueryClient({
  queryCache: new QueryCache({ onError: isSignedOut }),
  mutationCache: new MutationCache({
    onError: (error, _variables, _context, mutation) => {
      if (isSignedOut(error)) return
      // The reader was told, and is to see what the other made of it.
      if (isSuperseded(error)) return void queries.invalidateQueries()
      if (!mutation.meta?.quiet) toast(problemText(error), { kind: 'error', seconds: 10 })
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: false,
      // Only what the server calls temporary is tried again.
      retry: (count, error) =>
        count < 2 && error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status === 503),
    },
  },
})

await startWords()
const router = makeRouter(queries)
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <ThemeProvider>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
        <Toasts />
        <Conflicts />
      </QueryClientProvider>
    </ThemeProvider>
  </StrictMode>,
)
