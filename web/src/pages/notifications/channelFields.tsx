import { Form, Input, InputNumber, Select } from 'antd'
import { useTranslation } from 'react-i18next'

/** What a webhook needs. */
export function WebhookFields() {
  const { t } = useTranslation()
  return (
    <>
      <Form.Item name={['settings', 'url']} label={t('notification.url')} rules={[{ required: true }, { type: 'url' }]}>
        <Input className="mono" placeholder="https://example.gov.cn/hook" />
      </Form.Item>
      <Form.Item name="secret" label={t('notification.secret')} extra={t('notification.secretHint')}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
    </>
  )
}

/** What a mail server needs. */
export function EmailFields() {
  const { t } = useTranslation()
  return (
    <>
      <Form.Item name={['settings', 'to']} label={t('notification.to')} rules={[{ required: true }]}>
        <Select
          mode="tags"
          open={false}
          suffixIcon={null}
          tokenSeparators={[',', ';', ' ']}
          placeholder="duty@example.gov.cn"
        />
      </Form.Item>
      <Form.Item name={['settings', 'from']} label={t('notification.from')} rules={[{ required: true }]}>
        <Input placeholder="watchfire@example.gov.cn" />
      </Form.Item>
      <div className="row" style={{ alignItems: 'flex-start' }}>
        <Form.Item
          name={['settings', 'host']}
          label={t('notification.host')}
          rules={[{ required: true }]}
          style={{ flex: 1 }}
        >
          <Input className="mono" />
        </Form.Item>
        <Form.Item
          name={['settings', 'port']}
          label={t('notification.port')}
          initialValue={465}
          rules={[{ required: true }]}
        >
          <InputNumber min={1} max={65535} />
        </Form.Item>
        <Form.Item
          name={['settings', 'security']}
          label={t('notification.security')}
          initialValue="tls"
          style={{ width: 130 }}
        >
          <Select
            options={(['tls', 'starttls', 'none'] as const).map((value) => ({
              value,
              label: t(`notification.securities.${value}`),
            }))}
          />
        </Form.Item>
      </div>
      <Form.Item name={['settings', 'username']} label={t('notification.user')}>
        <Input autoComplete="off" />
      </Form.Item>
      <Form.Item name="secret" label={t('notification.password')} extra={t('notification.secretHint')}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
    </>
  )
}
