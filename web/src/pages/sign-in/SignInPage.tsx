import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { ApiError } from '../../api/problem.ts'
import { beginSession, forgetAllButMe, type Me, meKey } from '../../api/session.tsx'
import { Beacon } from '../../shell/Beacon.tsx'
import { LanguageSwitch, ThemeSwitch } from '../../shell/TopBar.tsx'
import { problemText } from '../../ui/problemText.ts'
import './sign-in.css'

/**
 * Name and password; the code of the second factor is asked for when the server wants one. `before` is the person whose
 * session ended: they go on where they were, anyone else starts afresh.
 */
export default function SignInPage({ before }: { before?: Me }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [problem, setProblem] = useState<string | null>(null)
  const [wantsCode, setWantsCode] = useState(false)
  const [busy, setBusy] = useState(false)
  const notice = useQuery({
    queryKey: ['sign-in-notice'],
    queryFn: () => answer(api.GET('/api/v1/auth/notice')),
    staleTime: Number.POSITIVE_INFINITY,
  })

  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    setBusy(true)
    setProblem(null)
    try {
      const me = await answer(
        api.POST('/api/v1/auth/sign-in', {
          body: {
            name: String(form.get('name')).trim(),
            password: String(form.get('password')),
            code: String(form.get('code') ?? '').trim() || undefined,
          },
        }),
      )
      if (before && before.user?.id !== me.user?.id) forgetAllButMe(queries)
      queries.setQueryData(meKey, me)
      beginSession(queries, me)
      if (before) await queries.invalidateQueries()
    } catch (error) {
      const needsCode = error instanceof ApiError && error.code === 'TOTP_REQUIRED'
      if (needsCode && !wantsCode) setWantsCode(true)
      else setProblem(problemText(error))
    } finally {
      setBusy(false)
    }
  }

  return (
    <div className="door">
      <div className="door-tools">
        <LanguageSwitch />
        <ThemeSwitch />
      </div>
      <form className="card door-form" onSubmit={onSubmit} data-testid="sign-in-form" aria-label={t('signIn.title')}>
        <div className="door-brand">
          <Beacon size={40} />
          <div>
            <h1>{t('brand')}</h1>
            <p className="faint">{before ? t('signIn.ended') : t('signIn.tagline')}</p>
          </div>
        </div>
        <label>
          {t('signIn.name')}
          <input
            name="name"
            className="input"
            autoComplete="username"
            required
            defaultValue={before?.user?.name}
            // biome-ignore lint/a11y/noAutofocus: the one thing to fill in now
            autoFocus={!before}
            readOnly={wantsCode}
            maxLength={256}
          />
        </label>
        <label>
          {t('signIn.password')}
          <input
            name="password"
            className="input"
            type="password"
            autoComplete="current-password"
            required
            // biome-ignore lint/a11y/noAutofocus: the one thing to fill in now
            autoFocus={before !== undefined}
            readOnly={wantsCode}
            maxLength={1024}
          />
        </label>
        {wantsCode ? (
          <label>
            {t('signIn.code')}
            <input
              name="code"
              className="input"
              inputMode="numeric"
              autoComplete="one-time-code"
              required
              // biome-ignore lint/a11y/noAutofocus: the one thing to fill in now
              autoFocus
              maxLength={32}
              placeholder="000000"
            />
            <span className="faint small">{t('signIn.codeHint')}</span>
          </label>
        ) : null}
        {notice.data?.notice ? (
          <p className="soft small" style={{ whiteSpace: 'pre-wrap' }} data-testid="sign-in-notice">
            {notice.data.notice}
          </p>
        ) : null}
        {problem ? (
          <p className="bad" role="alert" data-testid="sign-in-problem">
            {problem}
          </p>
        ) : null}
        <button type="submit" className="button primary" disabled={busy}>
          {busy ? t('signIn.busy') : t('signIn.submit')}
        </button>
        {wantsCode ? (
          <button type="button" className="plain faint small" onClick={() => setWantsCode(false)}>
            {t('signIn.other')}
          </button>
        ) : null}
        <p className="faint small">{before ? t('signIn.keptHint') : t('signIn.help')}</p>
      </form>
    </div>
  )
}
