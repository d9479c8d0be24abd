import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan, useMe } from '../../api/session.tsx'
import { Action } from '../../ui/Action.tsx'
import { PageHead } from '../../ui/PageHead.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { toast } from '../../ui/toast.tsx'
import { CanarySources } from './CanarySources.tsx'
import '../overview/overview.css'

type Settings = Schemas['PlatformSettings']
type Key = keyof Settings
export type PutSetting = <Name extends Key>(key: Name, value: Settings[Name]) => void

/** What the system administrator changes while the platform runs; every change is audited and can be taken back. */
export default function SettingsPage() {
  const { t } = useTranslation()
  const can = useCan()
  const { data: me } = useMe()
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery({
    queryKey: ['settings'],
    queryFn: () => answer(api.GET('/api/v1/settings')),
  })
  const change = useMutation({
    mutationFn: ({ key, value }: { key: Key; value: unknown }) =>
      answer(api.PUT('/api/v1/settings/{key}', { params: { path: { key } }, body: { value } })),
    onSuccess: (after, { key }) => {
      const before = data?.[key]
      queries.setQueryData(['settings'], after)
      toast(t('states.saved'), {
        action: { label: t('actions.undo'), run: () => change.mutate({ key, value: before }) },
      })
    },
  })
  const isRoot = me?.unit.path === '/1/'
  const reason = can('settings:write') ?? (isRoot ? undefined : t('setting.rootOnly'))
  const put: PutSetting = (key, value) => change.mutate({ key, value })
  return (
    <div className="page">
      <PageHead title={t('pages.settings')} hint={t('setting.hint')}>
        {can('audit:read') === undefined ? (
          <Link className="button" to="/audit" search={{ action: 'setting.put' } as never}>
            {t('setting.toAudit')}
          </Link>
        ) : null}
      </PageHead>
      {error ? <Problem error={error} onRetry={() => void refetch()} /> : null}
      {change.error ? <Problem error={change.error} /> : null}
      {data ? (
        <div className="overview">
          <Group title={t('setting.canary')} hint={t('setting.canaryHint')} size="two-thirds">
            <Minutes
              name="canary.everyMinutes"
              label={t('setting.every')}
              value={data['canary.everyMinutes']}
              range={[5, 1440]}
              initial={60}
              busy={change.isPending}
              reason={reason}
              onPut={(value) => put('canary.everyMinutes', value)}
            />
            {can('source:read') === undefined ? (
              <CanarySources
                except={data['canary.exceptSources']}
                reason={reason}
                onPut={(value) => put('canary.exceptSources', value)}
              />
            ) : null}
          </Group>
          <div className="third column" style={{ gap: 10 }}>
            <Group title={t('setting.silence')} hint={t('setting.silenceHint')} size="">
              <Minutes
                name="sources.silenceAfterMinutes"
                label={t('setting.silenceAfter')}
                value={data['sources.silenceAfterMinutes']}
                range={[1, 525_600]}
                initial={1440}
                busy={change.isPending}
                reason={reason}
                onPut={(value) => put('sources.silenceAfterMinutes', value)}
              />
            </Group>
            <Group title={t('setting.notice')} hint={t('setting.noticeHint')} size="">
              <Notice
                value={data['signIn.notice']}
                busy={change.isPending}
                reason={reason}
                onPut={(value) => put('signIn.notice', value)}
              />
            </Group>
          </div>
        </div>
      ) : error ? null : (
        <div className="card" style={{ padding: 16 }}>
          <Skeleton rows={8} />
        </div>
      )}
    </div>
  )
}

function Group({ title, hint, size, children }: { title: string; hint: string; size: string; children: ReactNode }) {
  return (
    <section className={`card ${size}`}>
      <header>
        <h2>{title}</h2>
      </header>
      <div className="body column" style={{ gap: 10 }}>
        <p className="soft">{hint}</p>
        {children}
      </div>
    </section>
  )
}

interface MinutesProps {
  name: string
  label: string
  /** Null: never. */
  value: number | null
  range: [least: number, most: number]
  /** What stands in the field when it is switched on. */
  initial: number
  busy: boolean
  reason: string | undefined
  onPut(value: number | null): void
}

/** A number of minutes, or never. */
function Minutes({ name, label, value, range: [least, most], initial, busy, reason, onPut }: MinutesProps) {
  const { t } = useTranslation()
  const [text, setText] = useState(String(value ?? ''))
  const [known, setKnown] = useState(value)
  if (known !== value) {
    setKnown(value)
    setText(String(value ?? ''))
  }
  const isOn = text !== ''
  const number = Number(text)
  const isWrong = isOn && !(Number.isInteger(number) && number >= least && number <= most)
  const next = isOn ? number : null
  return (
    <form
      className="row wrap"
      onSubmit={(event) => {
        event.preventDefault()
        if (!isWrong && next !== value && reason === undefined) onPut(next)
      }}
    >
      <label className="row" title={reason}>
        <input
          type="checkbox"
          checked={isOn}
          disabled={reason !== undefined}
          data-testid={`on-${name}`}
          onChange={(event) => setText(event.target.checked ? String(value ?? initial) : '')}
        />
        {label}
      </label>
      {isOn ? (
        <>
          <input
            className="input small number"
            style={{ width: 90 }}
            inputMode="numeric"
            aria-label={label}
            aria-invalid={isWrong}
            disabled={reason !== undefined}
            data-testid={`minutes-${name}`}
            value={text}
            onChange={(event) => setText(event.target.value.replace(/\D/g, '') || '0')}
          />
          <span className="soft">{t('setting.minutes')}</span>
        </>
      ) : (
        <span className="soft">{t('setting.never')}</span>
      )}
      <Action
        primary
        busy={busy}
        reason={
          reason ?? (isWrong ? t('setting.between', { least, most }) : next === value ? t('setting.same') : undefined)
        }
        testId={`save-${name}`}
        onClick={() => onPut(next)}
      >
        {t('actions.save')}
      </Action>
      {isWrong ? <span className="bad small">{t('setting.between', { least, most })}</span> : null}
    </form>
  )
}

function Notice({
  value,
  busy,
  reason,
  onPut,
}: {
  value: string
  busy: boolean
  reason: string | undefined
  onPut(value: string): void
}) {
  const { t } = useTranslation()
  const [text, setText] = useState(value)
  return (
    <>
      <textarea
        className="input"
        style={{ height: 90, padding: 8 }}
        maxLength={2000}
        aria-label={t('setting.notice')}
        disabled={reason !== undefined}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div>
        <Action
          primary
          busy={busy}
          reason={reason ?? (text === value ? t('setting.same') : undefined)}
          onClick={() => onPut(text)}
        >
          {t('actions.save')}
        </Action>
      </div>
    </>
  )
}
