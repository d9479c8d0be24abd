import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { useSignOut } from '../../api/session.tsx'
import { Beacon } from '../../shell/Beacon.tsx'
import { LanguageSwitch } from '../../shell/TopBar.tsx'
import { problemText } from '../../ui/problemText.ts'
import './sign-in.css'

/** A one-time password opens nothing but this. */
export default function ChangePasswordPage({ onDone }: { onDone(): Promise<void> }) {
  const { t } = useTranslation()
  const signOut = useSignOut()
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const newPassword = String(form.get('new'))
    if (newPassword !== String(form.get('again'))) return setProblem(t('password.different'))
    setBusy(true)
    setProblem(null)
    try {
      await answer(
        api.POST('/api/v1/auth/password', { body: { currentPassword: String(form.get('current')), newPassword } }),
      )
      await onDone()
    } catch (error) {
      setProblem(problemText(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <div className="door">
      <div className="door-tools">
        <LanguageSwitch />
        <button type="button" className="tool" onClick={() => void signOut()}>
          {t('shell.signOut')}
        </button>
      </div>
      <form
        className="card door-form"
        onSubmit={onSubmit}
        data-testid="change-password-form"
        aria-label={t('password.title')}
      >
        <div className="door-brand">
          <Beacon size={40} />
          <div>
            <h1>{t('password.mustTitle')}</h1>
            <p className="faint">{t('password.mustHint')}</p>
          </div>
        </div>
        <label>
          {t('password.current')}
          <input
            name="current"
            className="input"
            type="password"
            autoComplete="current-password"
            required
            // biome-ignore lint/a11y/noAutofocus: the one thing to fill in now
            autoFocus
            maxLength={1024}
          />
        </label>
        <label>
          {t('password.new')}
          <input
            name="new"
            className="input"
            type="password"
            autoComplete="new-password"
            required
            minLength={12}
            maxLength={1024}
          />
          <span className="faint small">{t('password.rule')}</span>
        </label>
        <label>
          {t('password.again')}
          <input name="again" className="input" type="password" autoComplete="new-password" required maxLength={1024} />
        </label>
        {problem ? (
          <p className="bad" role="alert">
            {problem}
          </p>
        ) : null}
        <button type="submit" className="button primary" disabled={busy}>
          {t('password.submit')}
        </button>
      </form>
    </div>
  )
}
