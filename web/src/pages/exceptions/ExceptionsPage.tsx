import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Popconfirm } from 'antd'
import dayjs from 'dayjs'
import { useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useList } from '../../api/lists.ts'
import { useCan } from '../../api/session.tsx'
import { ifMatch, sendChange } from '../../forms/conflict.ts'
import type { Column } from '../../table/columns.ts'
import { Table } from '../../table/Table.tsx'
import { Action } from '../../ui/Action.tsx'
import { Filter } from '../../ui/Filter.tsx'
import { formatNumber } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { Split } from '../../ui/Split.tsx'
import { Empty } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { RuleLinks } from '../incidents/IncidentSummary.tsx'
import { ExceptionDialog } from './ExceptionDialog.tsx'

type Exception = Schemas['Exception']

/** What is silenced, by whom, until when, and how much it hid. */
export default function ExceptionsPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const queries = useQueryClient()
  const [creating, setCreating] = useState(false)
  const active = url.active as 'true' | 'false' | undefined
  const list = useList<Exception>(['exceptions', active], (after) =>
    answer(api.GET('/api/v1/exceptions', { params: { query: { active, after, limit: 100 } as never } })),
  )
  const remove = useMutation({
    mutationFn: ({ id, version }: Exception) =>
      sendChange(version, (seen) =>
        answer(api.DELETE('/api/v1/exceptions/{id}', { params: { path: { id }, header: ifMatch(seen) } })),
      ),
    onSuccess: async () => {
      setUrl({ id: undefined }, 'replace')
      await queries.invalidateQueries({ queryKey: ['exceptions'] })
      toast(t('exception.removed'))
    },
  })
  const extend = useMutation({
    mutationFn: ({ id, version }: Exception) =>
      sendChange(version, (seen) =>
        answer(
          api.PATCH('/api/v1/exceptions/{id}', {
            params: { path: { id }, header: ifMatch(seen) },
            body: { expiresAt: dayjs().add(30, 'day').toISOString() },
          }),
        ),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['exceptions'] }),
  })
  const conditionText = useCallback(
    (row: Exception) =>
      row.conditions
        .map(({ field, operator, values }) => `${field} ${t(`exception.operators.${operator}`)} ${values.join(', ')}`)
        .join(' ∧ '),
    [t],
  )
  const columns = useMemo<Column<Exception>[]>(
    () => [
      {
        key: 'active',
        title: t('exception.state'),
        width: 84,
        render: (row) =>
          row.active ? (
            <span className="good">● {t('exception.active')}</span>
          ) : (
            <span className="faint">○ {t('exception.ended')}</span>
          ),
      },
      {
        key: 'name',
        title: t('exception.name'),
        width: 220,
        grow: true,
        render: (row) => <span className="strong">{row.name}</span>,
      },
      {
        key: 'conditions',
        minor: true,
        title: t('exception.conditions'),
        width: 320,
        render: (row) => <span className="mono">{conditionText(row)}</span>,
      },
      {
        key: 'rule',
        minor: true,
        title: t('exception.scope'),
        width: 180,
        render: (row) => (row.ruleIds[0] ? <RuleLinks ids={row.ruleIds} /> : t('exception.everyRule')),
      },
      {
        key: 'hits',
        title: t('exception.hits'),
        width: 84,
        align: 'right',
        render: (row) => <Hidden exception={row} />,
      },
      { key: 'owner', minor: true, title: t('exception.owner'), width: 100, render: (row) => row.ownerName },
      { key: 'expires', title: t('exception.expires'), width: 132, render: (row) => <Time value={row.expiresAt} /> },
    ],
    [t, conditionText],
  )
  const chosen = list.rows?.find(({ id }) => String(id) === url.id)
  const reason = can('exception:write')
  return (
    <div className="page fill">
      <PageHead title={t('pages.exceptions')} hint={t('exception.pageHint')}>
        <Filter
          label={t('exception.state')}
          single
          value={active}
          allLabel={t('filter.all')}
          options={[
            { value: 'true', label: t('exception.active') },
            { value: 'false', label: t('exception.ended') },
          ]}
          onChange={(value) => setUrl({ active: value })}
        />
        <Action primary reason={reason} onClick={() => setCreating(true)} testId="new-exception">
          {t('exception.new')}
        </Action>
      </PageHead>
      <Split
        id="exceptions"
        detailLabel={t('pages.exceptions')}
        onClose={() => setUrl({ id: undefined }, 'replace')}
        detail={
          chosen ? (
            <div className="detail" data-testid="exception-detail">
              <div className="detail-head">
                <h2>{chosen.name}</h2>
                <div className="row">
                  <Action reason={reason} busy={extend.isPending} onClick={() => extend.mutate(chosen)}>
                    {t('exception.extend')}
                  </Action>
                  <Popconfirm
                    title={t('exception.removeSure')}
                    description={t('exception.removeHint')}
                    okText={t('actions.remove')}
                    cancelText={t('actions.cancel')}
                    disabled={reason !== undefined}
                    onConfirm={() => remove.mutate(chosen)}
                  >
                    <span>
                      <Action reason={reason} testId="end-exception">
                        {t('actions.remove')}
                      </Action>
                    </span>
                  </Popconfirm>
                </div>
              </div>
              <div className="detail-body">
                <section>
                  <h3>{t('exception.reason')}</h3>
                  <p style={{ whiteSpace: 'pre-wrap' }}>{chosen.reason}</p>
                </section>
                <section>
                  <h3>{t('exception.conditions')}</h3>
                  <ul className="mono">
                    {chosen.conditions.map((condition) => (
                      <li key={`${condition.field}${condition.operator}`}>
                        {condition.field}{' '}
                        <span className="faint">{t(`exception.operators.${condition.operator}`)}</span>{' '}
                        {condition.values.join(', ')}
                      </li>
                    ))}
                  </ul>
                </section>
                <dl className="facts">
                  <dt>{t('exception.scope')}</dt>
                  <dd>{chosen.ruleIds[0] ? <RuleLinks ids={chosen.ruleIds} /> : t('exception.everyRule')}</dd>
                  <dt>{t('exception.effect')}</dt>
                  <dd>{t(`exception.effects.${chosen.effect}`)}</dd>
                  <dt>{t('exception.owner')}</dt>
                  <dd>{chosen.ownerName}</dd>
                  <dt>{t('exception.createdAt')}</dt>
                  <dd>
                    <Time value={chosen.createdAt} as="full" />
                  </dd>
                  <dt>{t('exception.expires')}</dt>
                  <dd>
                    <Time value={chosen.expiresAt} as="full" />
                  </dd>
                  <dt>{t('exception.hits')}</dt>
                  <dd>
                    <Hidden exception={chosen} />
                  </dd>
                  <dt>{t('exception.lastHit')}</dt>
                  <dd>
                    <Time value={chosen.lastHitAt} as="ago" />
                  </dd>
                </dl>
              </div>
            </div>
          ) : null
        }
      >
        <Table
          {...list}
          id="exceptions"
          label={t('pages.exceptions')}
          columns={columns}
          rowKey={(row) => String(row.id)}
          activeKey={url.id}
          onOpen={(row) => setUrl({ id: String(row.id) }, 'replace')}
          empty={
            <Empty
              title={t('exception.none')}
              action={
                <Action primary reason={reason} onClick={() => setCreating(true)}>
                  {t('exception.new')}
                </Action>
              }
            >
              {t('exception.noneHint')}
            </Empty>
          }
        />
      </Split>
      {creating ? <ExceptionDialog ruleIds={[]} conditions={[]} reason="" onDone={() => setCreating(false)} /> : null}
    </div>
  )
}

/** How often it hid something; leads to what it hid. */
function Hidden({ exception: { id, hitCount } }: { exception: Exception }) {
  if (hitCount === 0) return <span className="number">0</span>
  return (
    <Link
      to="/detections"
      search={{ exception: String(id), from: 'all' } as never}
      className="number"
      data-testid="hidden-by-exception"
    >
      {formatNumber(hitCount)}
    </Link>
  )
}
