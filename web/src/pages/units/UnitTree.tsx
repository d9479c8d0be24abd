import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Form, Input, Popconfirm, Select, Tree, type TreeDataNode } from 'antd'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { ifMatch, sendChange, tookTheirs } from '../../forms/conflict.ts'
import { FormDialog } from '../../forms/FormDialog.tsx'
import { Action } from '../../ui/Action.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { toast } from '../../ui/toast.tsx'
import { useUrl } from '../../ui/useUrl.ts'

type Unit = Schemas['Unit']

const kinds = ['province', 'city', 'county', 'unit'] as const

/** The tree of units: chosen, made, renamed, moved, removed. */
export function UnitTree({ units, error, onRetry }: { units: Unit[] | undefined; error: unknown; onRetry(): void }) {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const can = useCan()
  const queries = useQueryClient()
  const [dialog, setDialog] = useState<'new' | 'rename' | 'move' | null>(null)
  // All are open unless closed by hand, so that a new unit is seen where it hangs.
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  // The state that the dialog was filled from.
  const [editing, setEditing] = useState<Unit>()
  const refresh = () => queries.invalidateQueries({ queryKey: ['units'] })
  const chosen = units?.find(({ id }) => String(id) === url.unit)
  const save = useMutation({
    mutationFn: (values: { name: string; code?: string; kind: Unit['kind'] }): Promise<unknown> =>
      dialog === 'new'
        ? answer(
            api.POST('/api/v1/units', {
              body: {
                name: values.name,
                code: values.code?.trim() || null,
                kind: values.kind,
                parentId: chosen?.id ?? units![0]!.id,
              },
            }),
          )
        : sendChange(editing!.version, (version) =>
            answer(
              api.PATCH('/api/v1/units/{id}', {
                params: { path: { id: editing!.id }, header: ifMatch(version) },
                body: { name: values.name, code: values.code?.trim() || null },
              }),
            ),
          ),
    onSuccess: async () => {
      setDialog(null)
      await refresh()
      toast(t('states.saved'))
    },
    onError: (error) => tookTheirs(error) && setDialog(null),
  })
  const move = useMutation({
    mutationFn: ({ id, parentId }: { id: number; parentId: number }) =>
      answer(api.POST('/api/v1/units/{id}/move', { params: { path: { id } }, body: { parentId } })),
    onSuccess: async (_moved, { id }) => {
      const before = chosen?.parentId
      setDialog(null)
      // Whatever is shown of a unit's people and things goes by its path, which has changed.
      await queries.invalidateQueries()
      toast(t('unit.moved'), {
        action: before ? { label: t('actions.undo'), run: () => move.mutate({ id, parentId: before }) } : undefined,
      })
    },
  })
  const remove = useMutation({
    mutationFn: ({ id, version }: Unit) =>
      sendChange(version, (seen) =>
        answer(api.DELETE('/api/v1/units/{id}', { params: { path: { id }, header: ifMatch(seen) } })),
      ),
    onSuccess: async () => {
      setUrl({ unit: undefined }, 'replace')
      await refresh()
    },
  })
  const tree = useMemo(() => treeOf(units ?? []), [units])
  const reason = can('unit:write')
  const needsChoice = reason ?? (chosen ? undefined : t('unit.chooseFirst'))
  const needsMovable = needsChoice ?? (chosen?.parentId ? undefined : t('unit.topStays'))
  return (
    <section
      className="card"
      style={{ width: 344, flex: 'none', display: 'flex', flexDirection: 'column', minHeight: 0 }}
      aria-label={t('unit.tree')}
    >
      <header className="row">
        <h2>{t('unit.tree')}</h2>
        <span className="row" style={{ marginLeft: 'auto' }}>
          <Action reason={needsChoice} onClick={() => setDialog('new')} testId="new-unit">
            {t('unit.add')}
          </Action>
          <Action
            reason={needsChoice}
            onClick={() => {
              setEditing(chosen)
              setDialog('rename')
            }}
            testId="rename-unit"
          >
            {t('actions.edit')}
          </Action>
          <Action reason={needsMovable} onClick={() => setDialog('move')} testId="move-unit">
            {t('unit.move')}
          </Action>
          <Popconfirm
            title={t('unit.removeSure')}
            okText={t('actions.remove')}
            cancelText={t('actions.cancel')}
            disabled={needsChoice !== undefined}
            onConfirm={() => chosen && remove.mutate(chosen)}
          >
            <span>
              <Action reason={needsChoice}>{t('actions.remove')}</Action>
            </span>
          </Popconfirm>
        </span>
      </header>
      <div style={{ overflow: 'auto', padding: 8 }}>
        {error ? <Problem error={error} onRetry={onRetry} /> : null}
        {units === undefined && !error ? <Skeleton rows={6} /> : null}
        {tree.length > 0 ? (
          <Tree
            blockNode
            expandedKeys={units!.map(({ id }) => String(id)).filter((key) => !folded.has(key))}
            onExpand={(_keys, { expanded, node }) => {
              const next = new Set(folded)
              if (expanded) next.delete(String(node.key))
              else next.add(String(node.key))
              setFolded(next)
            }}
            treeData={tree}
            selectedKeys={url.unit ? [url.unit] : []}
            titleRender={(node) => <UnitTitle unit={units!.find(({ id }) => String(id) === node.key)!} />}
            onSelect={([key]) => setUrl({ unit: key === undefined ? undefined : String(key) }, 'replace')}
          />
        ) : null}
      </div>
      {dialog === 'move' && chosen ? (
        <FormDialog<{ parentId: number }>
          title={t('unit.moveTitle', { name: chosen.name })}
          okText={t('unit.move')}
          initial={{ parentId: chosen.parentId ?? undefined }}
          busy={move.isPending}
          onCancel={() => setDialog(null)}
          onFinish={({ parentId }) => move.mutate({ id: chosen.id, parentId })}
        >
          <Form.Item
            name="parentId"
            label={t('unit.moveBelow')}
            extra={t('unit.moveHint')}
            rules={[{ required: true }]}
          >
            <Select
              showSearch
              optionFilterProp="label"
              options={units
                ?.filter(({ path }) => !path.startsWith(chosen.path))
                .map(({ id, name }) => ({ value: id, label: name }))}
            />
          </Form.Item>
        </FormDialog>
      ) : null}
      {dialog === 'new' || dialog === 'rename' ? (
        <FormDialog<{ name: string; code?: string; kind: Unit['kind'] }>
          title={dialog === 'new' ? t('unit.addBelow', { name: chosen?.name ?? '' }) : chosen?.name}
          initial={
            dialog === 'new'
              ? { kind: 'unit' }
              : { name: chosen?.name, code: chosen?.code ?? undefined, kind: chosen?.kind }
          }
          busy={save.isPending}
          onCancel={() => setDialog(null)}
          onFinish={(values) => save.mutate(values)}
        >
          <Form.Item name="name" label={t('unit.name')} rules={[{ required: true, max: 200, whitespace: true }]}>
            <Input autoFocus />
          </Form.Item>
          <Form.Item name="kind" label={t('unit.kind')}>
            <Select
              disabled={dialog === 'rename'}
              options={kinds.map((value) => ({ value, label: t(`unit.kinds.${value}`) }))}
            />
          </Form.Item>
          <Form.Item name="code" label={t('unit.code')} extra={t('unit.codeHint')}>
            <Input maxLength={32} />
          </Form.Item>
        </FormDialog>
      ) : null}
    </section>
  )
}

function UnitTitle({ unit }: { unit: Unit }) {
  const { t } = useTranslation()
  return (
    <span title={unit.code ?? undefined}>
      {unit.name} <span className="faint small">{t(`unit.kinds.${unit.kind}`)}</span>
    </span>
  )
}

/** Units as nested nodes; a unit whose parent is out of sight stands at the top. */
function treeOf(units: Unit[]): TreeDataNode[] {
  const nodes = new Map<number, TreeDataNode & { children: TreeDataNode[] }>(
    units.map(({ id, name }) => [id, { key: String(id), title: name, children: [] }]),
  )
  const roots: TreeDataNode[] = []
  for (const unit of units) {
    const parent = unit.parentId === null ? undefined : nodes.get(unit.parentId)
    ;(parent?.children ?? roots).push(nodes.get(unit.id)!)
  }
  return roots
}
