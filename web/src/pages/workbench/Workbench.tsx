import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { isSuperseded, sendChange, tookTheirs } from '../../forms/conflict.ts'
import { Action } from '../../ui/Action.tsx'
import { PageHead } from '../../ui/PageHead.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Tabs } from '../../ui/Tabs.tsx'
import { toast } from '../../ui/toast.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { CanFire, useRuleText } from '../rules/ruleControls.tsx'
import { BackTestTab } from './BackTestTab.tsx'
import { type Draft, forgetDraft, keepDraft, recallDraft } from './draft.ts'
import { FindingsTab, HiddenTab } from './FoundTabs.tsx'
import { HistoryTab } from './HistoryTab.tsx'
import { Checked } from './Problems.tsx'
import { PromoteDialog, type Promotion } from './PromoteDialog.tsx'
import { SamplesTab } from './SamplesTab.tsx'
import './workbench.css'

const RuleEditor = lazy(async () => ({ default: (await import('./RuleEditor.tsx')).RuleEditor }))

type Rule = Schemas['RuleDetail']
const tabNames = ['rule', 'samples', 'back-test', 'history', 'findings', 'hidden'] as const
const checkAfterMs = 300

/** One rule text from its first line to the stream: written, checked, run on samples and on what is stored, promoted. */
export function Workbench({ rule, saved }: { rule: Rule | undefined; saved: Draft }) {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const inLanguage = useRuleText()
  const queries = useQueryClient()
  const key = rule?.textId ?? 'new'
  const [draft, setDraft] = useState<Draft>(() => recallDraft(key) ?? saved)
  const [generation, setGeneration] = useState(0)
  const [promotion, setPromotion] = useState<Promotion>()
  const stored = rule?.stored ?? undefined
  const revision = draft.revision ?? stored?.revision
  const isChanged = draft.yaml !== saved.yaml || JSON.stringify(draft.samples) !== JSON.stringify(saved.samples)
  const tab = tabNames.find((name) => name === url.tab) ?? 'rule'
  const cannotDraft = can('rule:draft')
  const change = (changes: Partial<Draft>) => setDraft((before) => ({ ...before, ...changes }))

  useEffect(() => {
    if (isChanged) keepDraft(key, draft)
    else forgetDraft(key)
  }, [draft, isChanged, key])

  const checkedText = useLater(draft.yaml, checkAfterMs)
  const { data: checked, error: checkError } = useQuery({
    queryKey: ['rule-check', rule?.textId, checkedText],
    queryFn: () => answer(api.POST('/api/v1/rules/validate', { body: { yaml: checkedText, ruleId: rule?.textId } })),
    placeholderData: (before) => before,
  })
  const run = useMutation({
    mutationFn: () => {
      const { yaml, samples, eventIds } = draft
      return answer(api.POST('/api/v1/rules/samples/run', { body: { yaml, samples, eventIds } }))
    },
  })
  const reload = () => queries.invalidateQueries({ queryKey: ['rules'] })
  const save = useMutation({
    mutationFn: (): Promise<Schemas['StoredRule']> => {
      const { yaml, samples } = draft
      const body = { yaml, samples, note: '' }
      if (!stored) return answer(api.POST('/api/v1/rules', { body }))
      return sendChange(revision ?? stored.revision, (expectedRevision) =>
        answer(
          api.PUT('/api/v1/rules/{id}/draft', {
            params: { path: { id: stored.id } },
            body: { ...body, expectedRevision },
          }),
        ),
      )
    },
    onSuccess: async (kept) => {
      forgetDraft(key)
      change({ revision: kept.revision })
      toast(t('workbench.savedAs', { version: kept.headVersion }))
      if (!stored) setUrl({ id: kept.id, query: undefined, event: undefined }, 'replace')
      await reload()
    },
    onError: (error) => {
      if (!tookTheirs(error)) return
      forgetDraft(key)
      void reload()
    },
  })
  const mayPromote = can('rule:write') ?? (isChanged ? t('workbench.saveFirst') : undefined)
  const isSound = checked?.valid === true && checkedText === draft.yaml
  const saveReason = cannotDraft ?? (isChanged || !stored ? undefined : t('workbench.nothingToSave'))

  const keys = useRef({ save: () => {}, run: () => {} })
  keys.current = {
    save: () => {
      if (saveReason === undefined && !save.isPending) save.mutate()
    },
    run: () => {
      setUrl({ tab: 'samples' }, 'replace')
      run.mutate()
    },
  }
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return
      if (event.key === 's') keys.current.save()
      else if (event.key === 'Enter') keys.current.run()
      else return
      event.preventDefault()
      event.stopPropagation()
    }
    document.addEventListener('keydown', onKeyDown, true)
    return () => document.removeEventListener('keydown', onKeyDown, true)
  }, [])

  const takeText = async (version: number) => {
    const path = { id: stored!.id, version }
    const found = await answer(api.GET('/api/v1/rules/{id}/versions/{version}', { params: { path } }))
    change({ yaml: found.yaml })
    setGeneration(generation + 1)
    setUrl({ tab: undefined }, 'replace')
  }
  const title = rule ? inLanguage(rule).title : t('workbench.newRule')
  const tabs = tabNames
    .filter((name) => stored || !['history', 'findings'].includes(name))
    .filter((name) => rule || name !== 'hidden')
  return (
    <div className="page fill workbench">
      <PageHead title={title} hint={rule ? <code>{rule.textId}</code> : undefined}>
        {rule ? <CanFire rule={rule} /> : null}
        {rule ? <span className="chip">{t(`workbench.origins.${rule.origin}`)}</span> : null}
        {stored ? <Stages stored={stored} /> : null}
        {isChanged ? (
          <span className="chip warn" data-testid="unsaved">
            {t('workbench.unsaved')}
          </span>
        ) : null}
        {isChanged ? (
          <Action
            onClick={() => {
              setDraft({ ...saved, revision: stored?.revision })
              setGeneration(generation + 1)
            }}
          >
            {t('workbench.discard')}
          </Action>
        ) : null}
        <Action
          reason={saveReason}
          busy={save.isPending}
          testId="save-draft"
          title="Ctrl+S"
          onClick={() => save.mutate()}
        >
          {t('workbench.saveDraft')}
        </Action>
        {stored ? (
          <>
            <Action
              reason={mayPromote ?? (stored.testVersion === stored.headVersion ? t('workbench.isThere') : undefined)}
              testId="promote-test"
              onClick={() => setPromotion({ stage: 'test', version: stored.headVersion })}
            >
              {t('workbench.toTest')}
            </Action>
            <Action
              primary
              reason={mayPromote ?? (stored.liveVersion === stored.headVersion ? t('workbench.isThere') : undefined)}
              testId="promote-live"
              onClick={() => setPromotion({ stage: 'live', version: stored.headVersion })}
            >
              {t('workbench.toLive')}
            </Action>
            {stored.testVersion === null && stored.liveVersion === null ? (
              <Action reason={can('rule:write')} onClick={() => setPromotion({ stage: 'remove', version: null })}>
                {t('actions.remove')}
              </Action>
            ) : (
              <Action
                reason={can('rule:write')}
                testId="take-out"
                onClick={() => setPromotion({ stage: stored.testVersion === null ? 'live' : 'test', version: null })}
              >
                {stored.testVersion === null ? t('workbench.takeOutLive') : t('workbench.takeOutTest')}
              </Action>
            )}
          </>
        ) : null}
      </PageHead>
      {save.error && !isSuperseded(save.error) ? <Problem error={save.error} /> : null}
      <Tabs
        label={t('workbench.tabsLabel')}
        active={tab}
        onChange={(name) => setUrl({ tab: name === 'rule' ? undefined : name }, 'replace')}
        tabs={tabs.map((name) => ({ key: name, label: t(`workbench.tabs.${name}`) }))}
      />
      <div className="workbench-body">
        {tab === 'rule' ? (
          <div className="workbench-rule">
            <Suspense fallback={<Skeleton rows={16} />}>
              <RuleEditor
                key={generation}
                initial={draft.yaml}
                problems={checked?.problems ?? []}
                readOnly={cannotDraft !== undefined}
                label={t('workbench.editor')}
                onChange={(yaml) => change({ yaml })}
              />
            </Suspense>
            <aside className="workbench-checked">
              {checkError ? <Problem error={checkError} /> : <Checked checked={checked} />}
            </aside>
          </div>
        ) : null}
        {tab === 'samples' ? (
          <>
            {run.error ? <Problem error={run.error} /> : null}
            <SamplesTab
              draft={draft}
              readOnly={cannotDraft !== undefined}
              run={run.data}
              isRunning={run.isPending}
              onRun={() => run.mutate()}
              onChange={change}
            />
          </>
        ) : null}
        {tab === 'back-test' ? (
          <BackTestTab
            yaml={draft.yaml}
            ruleId={rule?.textId ?? checked?.rules[0]?.id}
            jobId={url.job}
            isSound={isSound}
            onJob={(id) => setUrl({ job: String(id) }, 'replace')}
          />
        ) : null}
        {tab === 'history' && stored ? (
          <HistoryTab
            rule={stored}
            hasShipped={stored.origin === 'override'}
            reason={can('rule:write')}
            onRollBack={(version) => setPromotion({ stage: 'live', version })}
            onTake={(version) => void takeText(version)}
          />
        ) : null}
        {tab === 'findings' && stored ? (
          <FindingsTab ruleId={stored.id} isOnTrial={stored.testVersion !== null} />
        ) : null}
        {tab === 'hidden' && rule ? <HiddenTab ruleId={rule.id} /> : null}
      </div>
      {promotion && stored ? (
        <PromoteDialog
          promotion={promotion}
          rule={stored}
          onDone={(isGone) => {
            setPromotion(undefined)
            change({ revision: undefined })
            if (isGone) setUrl({ id: rule?.origin === 'override' ? stored.id : undefined, tab: undefined })
            void reload()
          }}
          onCancel={() => setPromotion(undefined)}
        />
      ) : null}
    </div>
  )
}

function Stages({ stored }: { stored: Schemas['StoredRule'] }) {
  const { t } = useTranslation()
  const { headVersion, testVersion, liveVersion } = stored
  const isDraft = headVersion !== testVersion && headVersion !== liveVersion
  return (
    <span className="row" data-testid="rule-stages">
      {isDraft ? <span className="chip">{t('workbench.stageOf.draft', { version: headVersion })}</span> : null}
      {testVersion === null ? null : (
        <span className="chip warn">{t('workbench.stageOf.test', { version: testVersion })}</span>
      )}
      {liveVersion === null ? null : (
        <span className="chip good">{t('workbench.stageOf.live', { version: liveVersion })}</span>
      )}
    </span>
  )
}

/** A value as it was when it last stood still for so long. */
function useLater<Value>(value: Value, delayMs: number): Value {
  const [later, setLater] = useState(value)
  useEffect(() => {
    const due = setTimeout(() => setLater(value), delayMs)
    return () => clearTimeout(due)
  }, [value, delayMs])
  return later
}
