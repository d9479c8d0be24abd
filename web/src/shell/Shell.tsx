import { useQueryClient } from '@tanstack/react-query'
import { Outlet, useMatches } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { meKey, Needs, useMe } from '../api/session.tsx'
import { LiveProvider } from '../live/live.tsx'
import { recall, remember } from '../ui/remember.ts'
import { Problem } from '../ui/States.tsx'
import { ValueMenu } from '../ui/Value.tsx'
import { HelpOverlay } from './HelpOverlay.tsx'
import { Navigation } from './Navigation.tsx'
import { TopBar } from './TopBar.tsx'
import { Waiting } from './Waiting.tsx'

const SignInPage = lazy(() => import('../pages/sign-in/SignInPage.tsx'))
const ChangePasswordPage = lazy(() => import('../pages/sign-in/ChangePasswordPage.tsx'))

const noActions = {}

/**
 * The frame around every page. Nobody signed in: the sign-in form, at the same address, so that a link pasted into a
 * chat still leads where it should afterwards.
 */
export function Shell() {
  const { data: me, error, isPending, refetch } = useMe()
  const queries = useQueryClient()
  if (isPending) return <Waiting />
  if (error) {
    return (
      <div style={{ padding: 48, maxWidth: 720 }}>
        <Problem error={error} onRetry={() => void refetch()} />
      </div>
    )
  }
  const again = async () => {
    await queries.invalidateQueries({ queryKey: meKey })
  }
  if (me === null) {
    return (
      <Suspense fallback={<Waiting />}>
        <SignInPage />
      </Suspense>
    )
  }
  if (me.mustChangePassword) {
    return (
      <Suspense fallback={<Waiting />}>
        <ChangePasswordPage onDone={again} />
      </Suspense>
    )
  }
  return (
    <LiveProvider>
      <ValueMenu actions={noActions}>
        <Desk />
      </ValueMenu>
    </LiveProvider>
  )
}

function Desk() {
  const { t } = useTranslation()
  const [narrow, setNarrow] = useState<boolean>(() => recall<boolean>('navigation.narrow') ?? window.innerWidth < 1100)
  const page = useMatches().at(-1)?.staticData
  const title = page?.name ? t(`pages.${page.name}`) : undefined
  useEffect(() => {
    document.title = title ? `${title} · ${t('brand')}` : t('brand')
  }, [title, t])
  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        {t('shell.skip')}
      </a>
      <TopBar
        onToggleNavigation={() => {
          remember('navigation.narrow', !narrow)
          setNarrow(!narrow)
        }}
      />
      <Navigation narrow={narrow} />
      <main id="main" tabIndex={-1}>
        {page?.permission ? (
          <Needs permission={page.permission}>
            <Outlet />
          </Needs>
        ) : (
          <Outlet />
        )}
      </main>
      <HelpOverlay />
    </div>
  )
}
