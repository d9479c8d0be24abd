import { LinkOutlined, StarOutlined } from '@ant-design/icons'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Checkbox, Form, Input } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { ifMatch, sendChange } from '../../forms/conflict.ts'
import { Dialog } from '../../forms/Dialog.tsx'
import { copyText } from '../../ui/Copy.tsx'
import { Popup } from '../../ui/Popup.tsx'
import { toast } from '../../ui/toast.tsx'

interface SavedSearchesProps {
  query: string
  from: string
  to: string
  columns: string[]
  onOpen(saved: Schemas['SavedSearch']): void
}

type Saving = Pick<Schemas['SavedSearch'], 'name' | 'shared' | 'query' | 'from' | 'to' | 'columns'>

/** The address that asks the same: good for anyone who may search, whether the search is shared or not. */
function linkTo({ query, from, to, columns }: Saving): string {
  const params = new URLSearchParams({ query, from, to })
  if (columns.length > 0) params.set('columns', columns.join(','))
  return `${location.origin}/search?${params}`
}

export function SavedSearches(props: SavedSearchesProps) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [at, setAt] = useState<DOMRect | null>(null)
  const [close] = useState(() => () => setAt(null))
  const [saving, setSaving] = useState(false)
  const { data } = useQuery({
    queryKey: ['saved-searches'],
    queryFn: () => answer(api.GET('/api/v1/saved-searches', { params: { query: { limit: 200 } } })),
  })
  const refresh = () => queries.invalidateQueries({ queryKey: ['saved-searches'] })
  const create = useMutation({
    mutationFn: ({ name, shared, query, from, to, columns }: Saving) =>
      answer(api.POST('/api/v1/saved-searches', { body: { name, shared, query, from, to, columns } })),
    onSuccess: async () => {
      setSaving(false)
      await refresh()
      toast(t('search.saved'))
    },
  })
  const remove = useMutation({
    mutationFn: ({ id, version }: Schemas['SavedSearch']) =>
      sendChange(version, (seen) =>
        answer(api.DELETE('/api/v1/saved-searches/{id}', { params: { path: { id }, header: ifMatch(seen) } })),
      ),
    onSuccess: async (_gone, saved) => {
      await refresh()
      toast(t('search.removed', { name: saved.name }), {
        action: { label: t('actions.undo'), run: () => create.mutate(saved) },
      })
    },
  })
  const [form] = Form.useForm<{ name: string; shared?: boolean }>()
  return (
    <>
      <button
        type="button"
        className="button"
        aria-haspopup="dialog"
        data-testid="saved-searches"
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        <StarOutlined /> {t('search.savedSearches')}
      </button>
      {at ? (
        <Popup
          at={{ left: at.left, top: at.top, bottom: at.bottom, right: at.right }}
          role="dialog"
          label={t('search.savedSearches')}
          onClose={close}
        >
          <button
            type="button"
            className="item strong"
            data-testid="save-search"
            onClick={() => {
              close()
              setSaving(true)
            }}
          >
            {t('search.saveThis')}
          </button>
          <hr />
          {(data?.items ?? []).map((saved) => (
            <div key={saved.id} className="row" data-testid="saved-search">
              <button
                type="button"
                className="item grow"
                title={saved.query}
                onClick={() => {
                  close()
                  props.onOpen(saved)
                }}
              >
                <span className="ellipsis">{saved.name}</span>
                <span className="hint">{saved.shared ? `${t('search.shared')} · ${saved.ownerName}` : ''}</span>
              </button>
              <button
                type="button"
                className="plain faint"
                style={{ padding: '0 4px' }}
                aria-label={t('search.copyLink', { name: saved.name })}
                title={t('search.copyLink', { name: saved.name })}
                data-testid="copy-link"
                onClick={async () =>
                  toast((await copyText(linkTo(saved))) ? t('search.linkCopied') : t('states.notCopied'))
                }
              >
                <LinkOutlined />
              </button>
              {saved.own ? (
                <button
                  type="button"
                  className="plain faint"
                  style={{ padding: '0 8px' }}
                  aria-label={`${t('actions.remove')} ${saved.name}`}
                  title={t('actions.remove')}
                  data-testid="remove-saved"
                  onClick={() => remove.mutate(saved)}
                >
                  ✕
                </button>
              ) : null}
            </div>
          ))}
          {data?.items.length === 0 ? (
            <p className="faint" style={{ padding: '4px 8px' }}>
              {t('search.noSaved')}
            </p>
          ) : null}
        </Popup>
      ) : null}
      {saving ? (
        <Dialog
          title={t('search.saveThis')}
          onCancel={() => setSaving(false)}
          onOk={() => form.submit()}
          busy={create.isPending}
        >
          <Form
            form={form}
            layout="vertical"
            onFinish={({ name, shared = false }) => {
              const { query, from, to, columns } = props
              create.mutate({ name, shared, query, from, to, columns })
            }}
          >
            <Form.Item name="name" label={t('search.savedName')} rules={[{ required: true, max: 200 }]}>
              <Input autoFocus />
            </Form.Item>
            <Form.Item name="shared" valuePropName="checked">
              <Checkbox>{t('search.share')}</Checkbox>
            </Form.Item>
            <pre className="raw">{props.query || '*'}</pre>
          </Form>
        </Dialog>
      ) : null}
    </>
  )
}
