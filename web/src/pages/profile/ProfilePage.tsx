import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Button, Form, Input, QRCode } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { ApiError, inPlaceOf } from '../../api/problem.ts'
import { meKey, useMe } from '../../api/session.tsx'
import { Dialog } from '../../forms/Dialog.tsx'
import { FormDialog } from '../../forms/FormDialog.tsx'
import { useTheme } from '../../theme/theme.tsx'
import { Action } from '../../ui/Action.tsx'
import { Copy } from '../../ui/Copy.tsx'
import { PageHead } from '../../ui/PageHead.tsx'
import { problemText } from '../../ui/problemText.ts'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import '../overview/overview.css'

/** Who I am, my password, my second factor, where I am signed in. */
export default function ProfilePage() {
  const { t } = useTranslation()
  const { data: me } = useMe()
  if (!me) return null
  return (
    <div className="page">
      <PageHead title={t('pages.profile')} hint={me.user ? `${me.user.displayName} · ${me.user.name}` : me.name} />
      <div className="overview">
        <section className="card half">
          <header>
            <h2>{t('profile.me')}</h2>
          </header>
          <div className="body">
            <dl className="facts">
              <dt>{t('user.role')}</dt>
              <dd>{me.user ? `${t(`role.${me.user.role}`)} — ${t(`roleHint.${me.user.role}`)}` : '—'}</dd>
              <dt>{t('source.unit')}</dt>
              <dd>{me.unit.name}</dd>
              <dt>{t('token.permissions')}</dt>
              <dd className="mono">{me.permissions.join(' · ')}</dd>
            </dl>
          </div>
        </section>
        <section className="card half">
          <header>
            <h2>{t('profile.password')}</h2>
          </header>
          <div className="body">
            <Password />
          </div>
        </section>
        <section className="card half">
          <header>
            <h2>{t('profile.totp')}</h2>
          </header>
          <div className="body">
            <SecondFactor enabled={me.user?.totpEnabled ?? false} />
          </div>
        </section>
        <section className="card half">
          <header>
            <h2>{t('profile.sessions')}</h2>
          </header>
          <div className="body">
            <Sessions />
          </div>
        </section>
      </div>
    </div>
  )
}

function Password() {
  const { t } = useTranslation()
  const [form] = Form.useForm<{ current: string; next: string; again: string }>()
  const change = useMutation({
    mutationFn: ({ current, next }: { current: string; next: string }) =>
      answer(api.POST('/api/v1/auth/password', { body: { currentPassword: current, newPassword: next } })),
    onSuccess: () => {
      form.resetFields()
      toast(t('profile.passwordChanged'))
    },
  })
  return (
    <Form form={form} layout="vertical" style={{ maxWidth: 360 }} onFinish={(values) => change.mutate(values)}>
      <Form.Item name="current" label={t('password.current')} rules={[{ required: true }]}>
        <Input.Password autoComplete="current-password" />
      </Form.Item>
      <Form.Item name="next" label={t('password.new')} extra={t('password.rule')} rules={[{ required: true, min: 12 }]}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item
        name="again"
        label={t('password.again')}
        dependencies={['next']}
        rules={[
          { required: true },
          ({ getFieldValue }) => ({
            validator: async (_rule, value) => {
              if (value && value !== getFieldValue('next')) throw new Error(t('password.different'))
            },
          }),
        ]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={change.isPending}>
        {t('password.submit')}
      </Button>
    </Form>
  )
}

function SecondFactor({ enabled }: { enabled: boolean }) {
  const { t } = useTranslation()
  const { palette } = useTheme()
  const queries = useQueryClient()
  const [secret, setSecret] = useState<{ secret: string; uri: string } | null>(null)
  const [removing, setRemoving] = useState(false)
  const [asking, setAsking] = useState(false)
  const [codes, setCodes] = useState<string[] | null>(null)
  const refresh = () => queries.invalidateQueries({ queryKey: meKey })
  const enrol = useMutation({
    mutationFn: (password: string) => answer(api.POST('/api/v1/auth/totp/enrol', { body: { password } })),
    onSuccess: (made) => {
      setAsking(false)
      setSecret(made)
    },
  })
  const confirm = useMutation({
    mutationFn: (code: string) => answer(api.POST('/api/v1/auth/totp/confirm', { body: { code } })),
    onSuccess: async ({ recoveryCodes }) => {
      setSecret(null)
      setCodes(recoveryCodes)
      await refresh()
      toast(t('profile.totpOn'))
    },
    // For signing in the same code speaks of name and password, which are right here.
    meta: { quiet: true },
    onError: (error) => {
      const isWrong = error instanceof ApiError && error.code === 'SIGN_IN_FAILED'
      toast(isWrong ? t('profile.codeWrong') : problemText(error), { kind: 'error', seconds: 10 })
    },
  })
  const remove = useMutation({
    mutationFn: (password: string) => answer(api.POST('/api/v1/auth/totp/remove', { body: { password } })),
    onSuccess: async () => {
      setRemoving(false)
      await refresh()
    },
  })
  if (enabled) {
    return (
      <>
        <p className="good" style={{ marginBottom: 12 }}>
          ✓ {t('profile.totpIsOn')}
        </p>
        <Action onClick={() => setRemoving(true)}>{t('profile.totpRemove')}</Action>
        {codes ? (
          <Dialog title={t('profile.recovery')} onCancel={() => setCodes(null)}>
            <p>{t('profile.recoveryHint')}</p>
            <pre className="raw" style={{ margin: '10px 0' }} data-testid="recovery-codes">
              {codes.join('\n')}
            </pre>
            <Copy text={codes.join('\n')} />
          </Dialog>
        ) : null}
        {removing ? (
          <FormDialog<{ password: string }>
            title={t('profile.totpRemove')}
            okText={t('actions.remove')}
            busy={remove.isPending}
            onCancel={() => setRemoving(false)}
            onFinish={({ password }) => remove.mutate(password)}
          >
            <Form.Item name="password" label={t('password.current')} rules={[{ required: true }]}>
              <Input.Password autoComplete="current-password" autoFocus />
            </Form.Item>
          </FormDialog>
        ) : null}
      </>
    )
  }
  if (!secret) {
    return (
      <>
        <p className="soft" style={{ marginBottom: 12 }}>
          {t('profile.totpHint')}
        </p>
        <Action primary busy={enrol.isPending} onClick={() => setAsking(true)} testId="enrol-totp">
          {t('profile.totpEnrol')}
        </Action>
        {asking ? (
          <FormDialog<{ password: string }>
            title={t('profile.totpEnrol')}
            okText={t('profile.totpConfirm')}
            busy={enrol.isPending}
            onCancel={() => setAsking(false)}
            onFinish={({ password }) => enrol.mutate(password)}
          >
            <Form.Item name="password" label={t('password.current')} rules={[{ required: true }]}>
              <Input.Password autoComplete="current-password" autoFocus />
            </Form.Item>
          </FormDialog>
        ) : null}
      </>
    )
  }
  return (
    <div className="row" style={{ alignItems: 'flex-start', gap: 20 }}>
      <QRCode
        type="svg"
        value={secret.uri}
        size={168}
        color="#000000"
        bgColor="#ffffff"
        style={{ borderColor: palette.line }}
      />
      <div className="column grow">
        <p>{t('profile.totpScan')}</p>
        <p className="row">
          <code data-testid="totp-secret" style={{ wordBreak: 'break-all' }}>
            {secret.secret}
          </code>{' '}
          <Copy text={secret.secret} />
        </p>
        <Form layout="inline" onFinish={({ code }: { code: string }) => confirm.mutate(code)}>
          <Form.Item name="code" rules={[{ required: true, min: 6, max: 32 }]}>
            <Input
              placeholder="000000"
              inputMode="numeric"
              autoComplete="one-time-code"
              aria-label={t('signIn.code')}
              style={{ width: 110 }}
            />
          </Form.Item>
          <Button type="primary" htmlType="submit" loading={confirm.isPending}>
            {t('profile.totpConfirm')}
          </Button>
        </Form>
      </div>
    </div>
  )
}

function Sessions() {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery({
    queryKey: ['sessions'],
    queryFn: () => answer(api.GET('/api/v1/auth/sessions')),
  })
  const end = useMutation({
    mutationFn: (id: string) => answer(api.DELETE('/api/v1/auth/sessions/{id}', { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['sessions'] }),
  })
  if (inPlaceOf(data, error)) return <Problem error={error} onRetry={() => void refetch()} />
  if (!data) return <Skeleton rows={3} />
  return (
    <table className="simple-table">
      <tbody>
        {data.items.map((session: Schemas['Session']) => (
          <tr key={session.id}>
            <td>
              <span className="mono">{session.address}</span>{' '}
              {session.current ? <span className="chip accent">{t('profile.thisSession')}</span> : null}
              <div className="small faint ellipsis" style={{ maxWidth: 360 }} title={session.userAgent}>
                {session.userAgent}
              </div>
            </td>
            <td className="right soft">
              <Time value={session.lastSeenAt} as="ago" />
            </td>
            <td className="right">
              {session.current ? null : (
                <button
                  type="button"
                  className="plain bad"
                  disabled={end.isPending}
                  onClick={() => end.mutate(session.id)}
                >
                  {t('profile.endSession')}
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
