import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/problem.ts'
import type { PageName } from '../routes.tsx'
import { Copy } from './Copy.tsx'
import { failureOf, hintOf, messageOf, saysAll } from './problemText.ts'

/** Nothing here: what that means and, as a button, what to do next. */
export function Empty({ title, children, action }: { title: ReactNode; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="state" data-testid="empty">
      <h3>{title}</h3>
      {children ? <p>{children}</p> : null}
      {action}
    </div>
  )
}

/** The code, what happened and what to try; the request id leads the administrator to the log line. */
export function Problem({
  error,
  onRetry,
  list,
}: {
  error: unknown
  onRetry?: () => void
  /** Where to go on from a thing that cannot be shown. */
  list?: { to: string; name: PageName }
}) {
  const { t } = useTranslation()
  const known = error instanceof ApiError ? error : undefined
  const code = known?.code ?? 'CLIENT_ERROR'
  const message = known ? messageOf(known) : error instanceof Error ? error.message : String(error)
  const hint = hintOf(code, known?.hint)
  return (
    <div className="state error" role="alert" data-testid="problem">
      <div className="row">
        <code className="chip bad">{code}</code>
        <h3>{failureOf(code) ?? t('states.failed')}</h3>
      </div>
      {saysAll(code) ? null : <p className="soft">{message}</p>}
      {hint ? (
        <p>
          {t('states.try')}
          {hint}
        </p>
      ) : null}
      <div className="row">
        {onRetry ? (
          <button type="button" className="button" onClick={onRetry}>
            {t('actions.retry')}
          </button>
        ) : null}
        {list ? (
          <Link className="button" to={list.to as '/'} data-testid="to-list">
            {t('states.toList', { page: t(`pages.${list.name}`) })}
          </Link>
        ) : null}
        {known?.requestId ? (
          <span className="faint small">
            {t('states.requestId')} <code>{known.requestId}</code> <Copy text={known.requestId} />
          </span>
        ) : null}
      </div>
    </div>
  )
}

export function Skeleton({ rows = 3, height = 16 }: { rows?: number; height?: number }) {
  const { t } = useTranslation()
  return (
    <div role="status" aria-label={t('states.loading')} className="column" style={{ gap: 10 }}>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are alike and never move
        <span key={index} className="skeleton" style={{ height, width: `${95 - ((index * 17) % 40)}%` }} />
      ))}
    </div>
  )
}
