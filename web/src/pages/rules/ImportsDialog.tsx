import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { Dialog } from '../../forms/Dialog.tsx'
import { Action } from '../../ui/Action.tsx'
import { formatNumber } from '../../ui/format.ts'
import { failureOf } from '../../ui/problemText.ts'
import { Problem } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import { useProblemWords } from '../workbench/useProblemWords.ts'

type Report = Schemas['RuleImportReport']
const stages = ['draft', 'test', 'live'] as const

/** Archives of rules: what is imported, a new one, and its report. */
export function ImportsDialog({ onClose }: { onClose(): void }) {
  const { t } = useTranslation()
  const can = useCan()
  const queries = useQueryClient()
  const [file, setFile] = useState<File>()
  const [name, setName] = useState('')
  const [stage, setStage] = useState<(typeof stages)[number]>('draft')
  const [jobId, setJobId] = useState<number>()
  const { data: collections } = useQuery({
    queryKey: ['rules', 'collections'],
    queryFn: () => answer(api.GET('/api/v1/rule-collections')),
  })
  const send = useMutation({
    mutationFn: () =>
      answer(
        api.POST('/api/v1/rule-collections', {
          params: { query: { name: name.trim(), fileName: file!.name, stage } },
          headers: { 'content-type': 'application/zip' },
          body: file as never,
          bodySerializer: (body: unknown) => body as never,
        }),
      ),
    onSuccess: ({ id }) => setJobId(id),
  })
  const { data: job } = useQuery({
    queryKey: ['rule-import', jobId],
    enabled: jobId !== undefined,
    queryFn: async () => {
      const found = await answer(api.GET('/api/v1/rule-collections/imports/{id}', { params: { path: { id: jobId! } } }))
      if (found.status === 'done') await queries.invalidateQueries({ queryKey: ['rules'] })
      return found
    },
    refetchInterval: ({ state }) =>
      state.data?.status === 'waiting' || state.data?.status === 'running' || !state.data ? 700 : false,
  })
  const cancel = useMutation({
    mutationFn: (id: number) => answer(api.DELETE('/api/v1/rule-jobs/{id}', { params: { path: { id } } })),
  })
  const remove = useMutation({
    mutationFn: (id: number) => answer(api.DELETE('/api/v1/rule-collections/{id}', { params: { path: { id } } })),
    onSuccess: async () => {
      toast(t('workbench.removed'))
      await queries.invalidateQueries({ queryKey: ['rules'] })
    },
  })
  const reason = can('rule:write')
  const isBusy = send.isPending || job?.status === 'waiting' || job?.status === 'running'
  return (
    <Dialog title={t('workbench.import')} width={760} onCancel={onClose} testId="imports">
      <div className="column" style={{ gap: 12 }}>
        <p className="faint">{t('workbench.importHint')}</p>
        <div className="row wrap">
          <input
            type="file"
            accept=".zip"
            aria-label={t('workbench.importFile')}
            data-testid="import-file"
            disabled={reason !== undefined}
            onChange={(event) => {
              const chosen = event.target.files?.[0]
              setFile(chosen)
              if (chosen && name === '') setName(chosen.name.replace(/\.zip$/i, ''))
            }}
          />
          <input
            className="input small"
            value={name}
            maxLength={100}
            placeholder={t('workbench.importName')}
            aria-label={t('workbench.importName')}
            onChange={(event) => setName(event.target.value)}
          />
          <select
            className="input small"
            aria-label={t('workbench.importStage')}
            value={stage}
            onChange={(event) => setStage(event.target.value as typeof stage)}
          >
            {stages.map((value) => (
              <option key={value} value={value}>
                {t(`workbench.stages.${value}`)}
              </option>
            ))}
          </select>
          <Action
            primary
            busy={isBusy}
            reason={reason ?? (file && name.trim() ? undefined : t('workbench.importFile'))}
            testId="import-send"
            onClick={() => send.mutate()}
          >
            {t('actions.import')}
          </Action>
          {isBusy && job ? (
            <>
              <progress max={Math.max(1, job.total)} value={job.done} aria-label={t('workbench.progress')} />
              <Action onClick={() => cancel.mutate(job.id)}>{t('actions.cancel')}</Action>
            </>
          ) : null}
        </div>
        <p className="faint small">{t('workbench.importRenew')}</p>
        {send.error ? <Problem error={send.error} /> : null}
        {remove.error ? <Problem error={remove.error} /> : null}
        {job?.problem ? (
          <p className="bad">
            <code>{job.problem.code}</code> {failureOf(job.problem.code) ?? job.problem.message}
          </p>
        ) : null}
        {job?.result ? <ImportReport report={job.result} /> : null}
        <h3 className="section-title">{t('workbench.imports')}</h3>
        {collections?.items.length === 0 ? <p className="faint">{t('workbench.noCollections')}</p> : null}
        <table className="simple-table">
          <tbody>
            {collections?.items.map((one) => (
              <tr key={one.id}>
                <td>
                  <Link to="/rules" search={{ collection: String(one.id) } as never} onClick={onClose}>
                    {one.name}
                  </Link>
                </td>
                <td className="number">{t('workbench.collectionRules', { count: one.ruleCount })}</td>
                <td>
                  <Time value={one.updatedAt} /> {one.createdBy}
                </td>
                <td title={one.licence}>
                  {t('workbench.licence')}: {one.licence.trim().split('\n', 1)[0]?.slice(0, 60) || '—'}
                </td>
                <td>
                  <Action
                    reason={reason}
                    busy={remove.isPending}
                    label={t('workbench.collectionRemove')}
                    title={t('workbench.collectionRemove')}
                    onClick={() => remove.mutate(one.id)}
                  >
                    {t('actions.remove')}
                  </Action>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Dialog>
  )
}

function ImportReport({ report }: { report: Report }) {
  const { t } = useTranslation()
  const words = useProblemWords()
  const figures = [
    ['loaded', report.loaded],
    ['canFire', report.canFire],
    ['added', report.addedCount],
    ['changed', report.changedCount],
    ['removed', report.removedCount],
    ['unchanged', report.unchanged],
    ['duplicate', report.duplicateCount],
    ['refused', report.refusedCount],
  ] as const
  return (
    <div data-testid="import-report" className="column" style={{ gap: 8 }}>
      <div className="row wrap" style={{ gap: 20 }}>
        {figures.map(([name, value]) => (
          <span key={name}>
            <span className="faint small">{t(`workbench.importFigures.${name}`)}</span>{' '}
            <strong className="number" data-testid={`import-${name}`}>
              {formatNumber(value)}
            </strong>
          </span>
        ))}
      </div>
      {report.refused.length > 0 ? (
        <details>
          <summary>{t('workbench.importRefused')}</summary>
          <pre className="raw small">
            {report.refused
              .map(
                ({ path, line, reason, message }) => `${path}:${line} ${words.name(reason)}: ${words.message(message)}`,
              )
              .join('\n')}
          </pre>
        </details>
      ) : null}
      {report.cannotFire.length > 0 ? (
        <details>
          <summary>{t('workbench.importCannot')}</summary>
          <pre className="raw small">
            {report.cannotFire.map(({ logsource, count }) => `${count}\t${logsource}`).join('\n')}
          </pre>
        </details>
      ) : null}
    </div>
  )
}
