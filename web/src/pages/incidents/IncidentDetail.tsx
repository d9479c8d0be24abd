import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { inPlaceOf } from '../../api/problem.ts'
import { useCan, useMe } from '../../api/session.tsx'
import { useSay } from '../../i18n/useSay.ts'
import { Action } from '../../ui/Action.tsx'
import { formatNumber } from '../../ui/format.ts'
import { useKeys } from '../../ui/keys.ts'
import { PacketsButton } from '../../ui/PacketsButton.tsx'
import { MenuButton } from '../../ui/Popup.tsx'
import { Severity, severities } from '../../ui/Severity.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Tabs } from '../../ui/Tabs.tsx'
import { Time } from '../../ui/Time.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { conditionsOf } from '../exceptions/conditions.ts'
import { ExceptionDialog } from '../exceptions/ExceptionDialog.tsx'
import { AssignButton } from './AssignButton.tsx'
import { CloseDialog } from './CloseDialog.tsx'
import { IncidentComments } from './IncidentComments.tsx'
import { IncidentEvidence } from './IncidentEvidence.tsx'
import { IncidentGlance } from './IncidentGlance.tsx'
import { IncidentGraph } from './IncidentGraph.tsx'
import { IncidentSummary } from './IncidentSummary.tsx'
import { IncidentTimeline } from './IncidentTimeline.tsx'
import { SendDialog } from './SendDialog.tsx'
import { useIncidentActions, versionsOf } from './useIncidentActions.ts'
import { Status } from './words.tsx'

interface IncidentDetailProps {
  id: number
  full?: boolean
  /** After closing: the list moves on to the next one. */
  onClosed?(): void
}

/** One incident: what happened, why it scores so, in which order, on what evidence; and everything that can be done about it. */
export function IncidentDetail({ id, full = false, onClosed }: IncidentDetailProps) {
  const { t } = useTranslation()
  const can = useCan()
  const { data: me } = useMe()
  const say = useSay()
  const [url, setUrl] = useUrl()
  const tab = url.tab ?? 'summary'
  // The version that was seen when the dialog was opened.
  const [closing, setClosing] = useState<Record<string, number> | null>(null)
  const [excepting, setExcepting] = useState(false)
  const [sending, setSending] = useState(false)
  const {
    data: incident,
    error,
    refetch,
  } = useQuery({
    queryKey: ['incidents', 'one', id],
    queryFn: () => {
      const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
      return answer(api.GET('/api/v1/incidents/{id}', { params: { path: { id }, query: { timeZone } } }))
    },
  })
  const { change, busy } = useIncidentActions((outcome) => {
    if (closing && outcome === 'done') onClosed?.()
    setClosing(null)
  })
  const reason = can('incident:write')
  useKeys({
    c: () => incident && incident.status !== 'closed' && reason === undefined && setClosing(versionsOf([incident])),
  })
  if (inPlaceOf(incident, error)) {
    return (
      <div className="detail">
        <div className="detail-head">
          <h2>#{id}</h2>
        </div>
        <div className="detail-body">
          <Problem error={error} onRetry={() => void refetch()} list={{ to: '/incidents', name: 'incidents' }} />
        </div>
      </div>
    )
  }
  if (!incident) {
    return (
      <div className="detail">
        <div className="detail-head">
          <h2>#{id}</h2>
        </div>
        <div className="detail-body">
          <Skeleton rows={9} />
        </div>
      </div>
    )
  }
  const ids = [id]
  const versions = versionsOf([incident])
  return (
    <div className={`detail ${full ? 'full' : ''}`} data-testid="incident-detail">
      <div className="detail-head">
        <h2>{say(incident.title)}</h2>
        <div className="row wrap">
          <Severity value={incident.severity} />
          <Status value={incident.status} />
          {incident.closeReason ? (
            <span className="chip" title={incident.closeNote ?? undefined}>
              {t(`incident.closeReason.${incident.closeReason}`)}
            </span>
          ) : null}
          {incident.severityPinned ? <span className="chip">{t('incident.pinned')}</span> : null}
          {incident.continues === null ? null : (
            <Link to={`/incidents/${incident.continues}` as '/'} className="chip accent">
              {t('incident.continues')} #{incident.continues}
            </Link>
          )}
          {incident.duplicateOf === null ? null : (
            <Link to={`/incidents/${incident.duplicateOf}` as '/'} className="chip accent">
              {t('incident.closeReason.duplicate')} #{incident.duplicateOf}
            </Link>
          )}
          <span className="faint number">#{incident.id}</span>
          <span className="faint">
            {t('incident.span')} <Time value={incident.firstSeenAt} /> — <Time value={incident.lastSeenAt} />
          </span>
        </div>
        <div className="row wrap">
          {incident.assigneeName === null && incident.status !== 'closed' && me?.user ? (
            <Action
              reason={reason}
              busy={busy}
              onClick={() => change({ ids, versions, action: 'assign', assigneeId: me.user?.id })}
              testId="take"
            >
              {t('incident.assignMe')}
            </Action>
          ) : null}
          <AssignButton
            current={incident.assigneeName}
            reason={reason}
            onAssign={(assigneeId) => change({ ids, versions, action: 'assign', assigneeId })}
          />
          {incident.status === 'new' || incident.status === 'on_hold' ? (
            <Action
              reason={reason}
              busy={busy}
              onClick={() => change({ ids, versions, action: 'status', status: 'in_progress' })}
              testId="start"
            >
              {t('incident.start')}
            </Action>
          ) : null}
          {incident.status === 'in_progress' ? (
            <Action
              reason={reason}
              busy={busy}
              onClick={() => change({ ids, versions, action: 'status', status: 'on_hold' })}
            >
              {t('incident.hold')}
            </Action>
          ) : null}
          {incident.status === 'closed' ? (
            <Action
              reason={reason}
              busy={busy}
              onClick={() => change({ ids, versions, action: 'reopen' })}
              testId="reopen"
            >
              {t('incident.reopen')}
            </Action>
          ) : (
            <Action
              primary
              reason={reason}
              busy={busy}
              onClick={() => setClosing(versions)}
              testId="close-incident"
              title="c"
            >
              {t('incident.closeNext')}
            </Action>
          )}
          <PacketsButton of="incidents" id={String(id)} />
          <MenuButton
            label={t('incident.changeSeverity')}
            className="button"
            align="left"
            items={severities.map((severity) => ({
              key: severity,
              label: <Severity value={severity} />,
              hint: severity === incident.severity ? '✓' : undefined,
              disabled: reason,
              onChoose: () => change({ ids, versions, action: 'severity', severity }),
            }))}
          >
            {t('incident.changeSeverity')}
          </MenuButton>
          <Action reason={reason} onClick={() => setSending(true)} testId="send-incident">
            {t('incident.send.open')}
          </Action>
          <Action reason={can('exception:write')} onClick={() => setExcepting(true)} testId="make-exception">
            {t('incident.makeException')}
          </Action>
        </div>
      </div>
      <Tabs
        label={t('pages.incident')}
        active={tab}
        onChange={(next) => setUrl({ tab: next === 'summary' ? undefined : next, event: undefined }, 'replace')}
        tabs={[
          { key: 'summary', label: t('incident.tab.summary') },
          { key: 'timeline', label: t('incident.tab.timeline'), count: incident.detectionCount },
          { key: 'evidence', label: t('incident.tab.evidence') },
          { key: 'graph', label: t('incident.tab.graph'), count: incident.entities.length },
          { key: 'comments', label: t('incident.tab.comments') },
        ]}
      />
      <div className="detail-body">
        {tab === 'summary' ? (
          <>
            <IncidentGlance incident={incident} />
            <IncidentSummary incident={incident} full={full} />
          </>
        ) : null}
        {tab === 'timeline' ? <IncidentTimeline id={id} /> : null}
        {tab === 'evidence' ? <IncidentEvidence id={id} /> : null}
        {tab === 'graph' ? <IncidentGraph id={id} /> : null}
        {tab === 'comments' ? <IncidentComments id={id} /> : null}
      </div>
      {closing ? (
        <CloseDialog
          count={1}
          busy={busy}
          onCancel={() => setClosing(null)}
          onClose={(closeReason, note, duplicateOf) =>
            change({ ids, versions: closing, action: 'close', reason: closeReason, note, duplicateOf })
          }
        />
      ) : null}
      {sending ? <SendDialog id={id} unitPath={incident.unitPath} onDone={() => setSending(false)} /> : null}
      {excepting ? (
        <ExceptionDialog
          ruleIds={incident.ruleIds}
          conditions={conditionsOf(incident.entities)}
          reason={t('incident.exceptionReason', { id: formatNumber(id) })}
          onDone={() => setExcepting(false)}
        />
      ) : null}
    </div>
  )
}
