import { Form, Input, InputNumber, Radio } from 'antd'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'
import { Dialog } from '../../forms/Dialog.tsx'
import { closeReasons } from './words.tsx'

interface CloseDialogProps {
  count: number
  busy: boolean
  onCancel(): void
  onClose(reason: Schemas['CloseReason'], comment: string | undefined, duplicateOf: number | undefined): void
}

/** Closing asks for a reason, and says how many it will close. */
export function CloseDialog({ count, busy, onCancel, onClose }: CloseDialogProps) {
  const { t } = useTranslation()
  const [form] = Form.useForm<{ reason: Schemas['CloseReason']; comment?: string; duplicateOf?: number }>()
  return (
    <Dialog
      title={t('incident.closeTitle', { number: count })}
      testId="close-dialog"
      okText={t('incident.close')}
      busy={busy}
      onCancel={onCancel}
      onOk={() => form.submit()}
    >
      <Form
        form={form}
        layout="vertical"
        initialValues={{ reason: 'true_positive' }}
        onFinish={({ reason, comment, duplicateOf }) =>
          onClose(reason, comment?.trim() || undefined, duplicateOf ?? undefined)
        }
      >
        <Form.Item name="reason" label={t('incident.reason')} rules={[{ required: true }]}>
          <Radio.Group style={{ display: 'flex', flexDirection: 'column', gap: 8 }}>
            {closeReasons.map((reason) => (
              <Radio key={reason} value={reason} data-testid={`reason-${reason}`}>
                {t(`incident.closeReason.${reason}`)}{' '}
                <span className="faint small">{t(`incident.closeReasonHint.${reason}`)}</span>
              </Radio>
            ))}
          </Radio.Group>
        </Form.Item>
        <Form.Item noStyle shouldUpdate={(before, after) => before.reason !== after.reason}>
          {({ getFieldValue }) =>
            getFieldValue('reason') === 'duplicate' ? (
              <Form.Item name="duplicateOf" label={t('incident.duplicateOf')}>
                <InputNumber min={1} precision={0} controls={false} prefix="#" style={{ width: 160 }} />
              </Form.Item>
            ) : null
          }
        </Form.Item>
        <Form.Item name="comment" label={t('incident.closeComment')}>
          <Input.TextArea rows={3} maxLength={4000} data-testid="close-comment" />
        </Form.Item>
      </Form>
    </Dialog>
  )
}
