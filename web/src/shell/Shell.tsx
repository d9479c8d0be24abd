import { useQueryClient } from '@tanstack/react-query'
import { Outlet, useMatches } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Me, meKey, Needs, useMe, useSessionEnded } from '../api/session.tsx'
import { LiveProvider } from '../live/live.tsx'
import { recall, remember } from '../ui/remember.ts'
import { Problem } from '../ui/States.tsx'
import { ValueMenu } from '../ui/Value.tsx'
import { useGoKeys } from './goKeys.ts'
import { HelpOverlay } from './HelpOverlay.tsx'
import { Navigation } from './Navigation.tsx'
import { TopBar } from './TopBar.tsx'
import { Waiting } from './Waiting.tsx'

const SignInPage = lazy(() => import('../pages/sign-in/SignInPage.tsx'))
const ChangePasswordPage = lazy(() => import('../pages/sign-in/ChangePasswordPage.tsx'))

const noActions = {}

/**
 * The frame around every page. Nobody signed in: the sign-in form, at the same address, so that a link pasted into a
 * chat still leads where it should afterwards. A session that ends during work is covered by that form and goes on
 * where it was, with what was typed and opened.
 */
export function Shell() {
  const { data: me, error, isPending, refetch } = useMe()
  const queries = useQueryClient()
  const ended = useSessionEnded()
  if (isPending) return <Waiting />
  if (me === undefined) {
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
    // Of one person: whoever signs in after another gets a desk of their own.
    <LiveProvider key={me.user?.id ?? me.name}>
      <ValueMenu actions={noActions}>
        <Desk />
      </ValueMenu>
      {ended ? <Return me={me} /> : null}
    </LiveProvider>
  )
}

/** The sign-in form over the desk: a modal dialog of the browser, above everything else and the only thing to reach. */
function Return({ me }: { me: Me }) {
  const { t } = useTranslation()
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      className="return"
      aria-label={t('signIn.title')}
      data-testid="return"
      onCancel={(event) => event.preventDefault()}
    >
      <Suspense fallback={<Waiting />}>
        <SignInPage before={me} />
      </Suspense>
    </dialog>
  )
}

function Desk() {
  const { t } = useTranslation()
  const [narrow, setNarrow] = useState<boolean>(() => recall<boolean>('navigation.narrow') ?? window.innerWidth < 1100)
  useGoKeys()
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
