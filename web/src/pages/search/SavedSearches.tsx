import { StarOutlined } from '@ant-design/icons'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Checkbox, Form, Input } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { ifMatch, sendChange } from '../../forms/conflict.ts'
import { Dialog } from '../../forms/Dialog.tsx'
import { Popup } from '../../ui/Popup.tsx'
import { toast } from '../../ui/toast.tsx'

interface SavedSearchesProps {
  query: string
  from: string
  to: string
  columns: string[]
  onOpen(saved: Schemas['SavedSearch']): void
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
    mutationFn: (values: { name: string; shared?: boolean }) =>
      answer(
        api.POST('/api/v1/saved-searches', {
          body: {
            name: values.name,
            shared: values.shared ?? false,
            query: props.query,
            from: props.from,
            to: props.to,
            columns: props.columns,
          },
        }),
      ),
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
    onSuccess: refresh,
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
            onClick={() => {
              close()
              setSaving(true)
            }}
          >
            {t('search.saveThis')}
          </button>
          <hr />
          {(data?.items ?? []).map((saved) => (
            <div key={saved.id} className="row">
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
              {saved.own ? (
                <button
                  type="button"
                  className="plain faint"
                  style={{ padding: '0 8px' }}
                  aria-label={`${t('actions.remove')} ${saved.name}`}
                  title={t('actions.remove')}
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
          <Form form={form} layout="vertical" onFinish={(values) => create.mutate(values)}>
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
