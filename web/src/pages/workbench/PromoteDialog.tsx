import { useMutation, useQuery } from '@tanstack/react-query'
import { Input } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { isSuperseded, sendChange } from '../../forms/conflict.ts'
import { Dialog } from '../../forms/Dialog.tsx'
import { formatNumber } from '../../ui/format.ts'
import { Problem } from '../../ui/States.tsx'
import { toast } from '../../ui/toast.tsx'

export type Promotion = { stage: 'test' | 'live'; version: number | null } | { stage: 'remove'; version: null }

interface PromoteDialogProps {
  promotion: Promotion
  rule: Schemas['StoredRule']
  onDone(isGone: boolean): void
  onCancel(): void
}

/** The step towards the stream or back, with the evidence for it on screen and kept with it. */
export function PromoteDialog({ promotion, rule, onDone, onCancel }: PromoteDialogProps) {
  const { t } = useTranslation()
  const [note, setNote] = useState('')
  const { stage, version } = promotion
  const { data: text } = useQuery({
    queryKey: ['rules', 'version', rule.id, version],
    enabled: version !== null,
    queryFn: () =>
      answer(
        api.GET('/api/v1/rules/{id}/versions/{version}', { params: { path: { id: rule.id, version: version! } } }),
      ),
  })
  const { data: jobs } = useQuery({
    queryKey: ['rule-jobs', rule.id],
    queryFn: () =>
      answer(api.GET('/api/v1/rule-jobs', { params: { query: { ruleId: rule.id, kind: 'back_test', limit: 20 } } })),
  })
  const job = jobs?.items.find(({ status, input }) => status === 'done' && input.yaml === text?.yaml)
  const found = job?.result as Schemas['BackTestResult'] | undefined
  const evidence = {
    samples: text?.sampleResult ?? null,
    backTest: found
      ? { job: job!.id, days: found.days, hits: found.hitCount, alertsPerDay: found.alertsPerDay, noise: found.noise }
      : null,
  }
  const send = useMutation({
    mutationFn: () =>
      sendChange(rule.revision, async (expectedRevision) => {
        const path = { id: rule.id }
        if (stage === 'remove') {
          await answer(api.DELETE('/api/v1/rules/{id}', { params: { path, query: { expectedRevision } } }))
          return
        }
        const body = { stage, version, expectedRevision, note, evidence: version === null ? {} : evidence }
        await answer(api.POST('/api/v1/rules/{id}/stage', { params: { path }, body }))
      }),
    onSuccess: () => {
      toast(t(stage === 'remove' ? 'workbench.removed' : 'workbench.promoted'))
      onDone(stage === 'remove')
    },
    onError: (error) => {
      if (isSuperseded(error)) onCancel()
    },
  })
  const isOut = version === null
  const heading =
    stage === 'remove'
      ? t('workbench.removeSure')
      : isOut
        ? t(stage === 'test' ? 'workbench.takeOutTest' : 'workbench.takeOutLive')
        : t(stage === 'test' ? 'workbench.toTestSure' : 'workbench.toLiveSure', { version })
  return (
    <Dialog
      title={heading}
      okText={t('workbench.doIt')}
      danger={isOut}
      busy={send.isPending}
      testId="promote-dialog"
      onCancel={onCancel}
      onOk={() => send.mutate()}
    >
      <p className="faint">{t(`workbench.meaning.${isOut ? 'out' : stage}`)}</p>
      {isOut ? null : (
        <dl className="facts" data-testid="promotion-evidence">
          <dt>{t('workbench.tabs.samples')}</dt>
          <dd>
            {text?.sampleResult ? (
              <span className={text.sampleResult.failed > 0 ? 'bad' : 'good'}>
                {t('workbench.samplesVerdict', text.sampleResult)}
              </span>
            ) : (
              <span className="bad">{t('workbench.noSamples')}</span>
            )}
          </dd>
          <dt>{t('workbench.tabs.back-test')}</dt>
          <dd>
            {found ? (
              <span className={found.noise === 'quiet' ? 'good' : 'bad'}>
                {t('workbench.backTestSaid', {
                  count: found.days,
                  alerts: found.alertsPerDay.toFixed(1),
                  hits: formatNumber(found.hitCount),
                })}{' '}
                {t(`workbench.noise.${found.noise}`)}
              </span>
            ) : (
              <span className="bad">{t('workbench.notBackTested')}</span>
            )}
          </dd>
        </dl>
      )}
      {stage === 'remove' ? null : (
        <Input.TextArea
          rows={2}
          maxLength={1000}
          value={note}
          placeholder={t('workbench.noteHint')}
          aria-label={t('workbench.noteHint')}
          onChange={(event) => setNote(event.target.value)}
        />
      )}
      {send.error && !isSuperseded(send.error) ? <Problem error={send.error} /> : null}
    </Dialog>
  )
}
