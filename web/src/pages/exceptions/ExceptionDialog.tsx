import { MinusCircleOutlined, PlusOutlined } from '@ant-design/icons'
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { AutoComplete, Button, DatePicker, Form, type FormInstance, Input, Select } from 'antd'
import dayjs, { type Dayjs } from 'dayjs'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { useRuleNames, useRuleTitle } from '../../api/useRuleTitle.ts'
import { useSummary } from '../../api/useSummary.ts'
import { Dialog } from '../../forms/Dialog.tsx'
import { formatNumber } from '../../ui/format.ts'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import { rankFields } from '../search/completion.ts'
import { useFields } from '../search/fields.ts'

const operators = ['equals', 'wildcard', 'contains', 'starts_with', 'ends_with', 'cidr'] as const

interface Condition {
  field: string
  operator: (typeof operators)[number]
  values: string[]
}

interface ExceptionDialogProps {
  ruleIds: string[]
  conditions: Condition[]
  reason: string
  onDone(): void
}

interface Values {
  name: string
  reason: string
  ruleIds: string[]
  effect: 'hide' | 'unlink'
  conditions: Condition[]
  expiresAt: Dayjs
}

/** What to silence, why, and until when: an exception without an end does not exist. */
export function ExceptionDialog({ ruleIds, conditions, reason, onDone }: ExceptionDialogProps) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const fields = useFields()
  const rules = useRuleNames()
  const titleOf = useRuleTitle()
  const [form] = Form.useForm<Values>()
  const create = useMutation({
    mutationFn: (values: Values) =>
      answer(
        api.POST('/api/v1/exceptions', {
          body: {
            name: values.name.trim(),
            reason: values.reason.trim(),
            ruleIds: values.ruleIds,
            effect: values.effect,
            conditions: values.conditions,
            expiresAt: values.expiresAt.toISOString(),
          },
        }),
      ),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['exceptions'] })
      toast(t('exception.created'))
      onDone()
    },
  })
  const initial: Values = {
    name: '',
    reason,
    ruleIds,
    effect: 'hide',
    conditions: conditions.length > 0 ? conditions : [{ field: '', operator: 'equals', values: [] }],
    expiresAt: dayjs().add(30, 'day').endOf('day'),
  }
  return (
    <Dialog
      title={t('exception.new')}
      testId="exception-dialog"
      width={680}
      busy={create.isPending}
      okText={t('exception.create')}
      onCancel={onDone}
      onOk={() => form.submit()}
    >
      <Form form={form} layout="vertical" initialValues={initial} onFinish={(values) => create.mutate(values)}>
        <Form.Item name="name" label={t('exception.name')} rules={[{ required: true, max: 200, whitespace: true }]}>
          <Input autoFocus placeholder={t('exception.nameHint')} />
        </Form.Item>
        <Form.Item
          name="reason"
          label={t('exception.reason')}
          rules={[{ required: true, max: 2000, whitespace: true }]}
        >
          <Input.TextArea rows={2} placeholder={t('exception.reasonHint')} />
        </Form.Item>
        <Form.Item name="ruleIds" label={t('exception.rules')} extra={t('exception.rulesHint')}>
          <Select
            mode="multiple"
            showSearch
            optionFilterProp="label"
            placeholder={t('exception.everyRule')}
            options={rules.data?.items.map((rule) => ({ value: rule.id, label: titleOf(rule.id, rule.title) }))}
          />
        </Form.Item>
        <Form.Item name="effect" label={t('exception.effect')}>
          <Select
            options={(['hide', 'unlink'] as const).map((value) => ({ value, label: t(`exception.effects.${value}`) }))}
          />
        </Form.Item>
        <div className="soft" style={{ marginBottom: 4 }}>
          {t('exception.conditions')}
        </div>
        <Form.List name="conditions">
          {(items, { add, remove }) => (
            <>
              {items.map(({ key, name }) => (
                <div key={key} className="row" style={{ alignItems: 'flex-start' }}>
                  <Form.Item
                    name={[name, 'field']}
                    rules={[{ required: true, message: t('exception.fieldNeeded') }]}
                    style={{ flex: 2 }}
                  >
                    <AutoComplete
                      className="mono"
                      options={rankFields(fields, form.getFieldValue(['conditions', name, 'field']) ?? '', 20).map(
                        (field) => ({ value: field.name }),
                      )}
                      placeholder="host.name"
                      onSearch={() => form.setFieldsValue({})}
                    >
                      <Input className="mono" aria-label={t('detection.field')} />
                    </AutoComplete>
                  </Form.Item>
                  <Form.Item name={[name, 'operator']} style={{ flex: 1 }}>
                    <Select
                      aria-label={t('exception.operator')}
                      options={operators.map((value) => ({ value, label: t(`exception.operators.${value}`) }))}
                    />
                  </Form.Item>
                  <Form.Item
                    name={[name, 'values']}
                    rules={[{ required: true, message: t('exception.valueNeeded') }]}
                    style={{ flex: 2 }}
                  >
                    <Select
                      mode="tags"
                      open={false}
                      suffixIcon={null}
                      aria-label={t('detection.value')}
                      tokenSeparators={[',']}
                      placeholder={t('exception.valuesHint')}
                    />
                  </Form.Item>
                  <Button
                    type="text"
                    aria-label={t('actions.remove')}
                    icon={<MinusCircleOutlined />}
                    disabled={items.length === 1}
                    onClick={() => remove(name)}
                  />
                </div>
              ))}
              <Button
                type="dashed"
                icon={<PlusOutlined />}
                onClick={() => add({ field: '', operator: 'equals', values: [] })}
                style={{ marginBottom: 14 }}
              >
                {t('exception.addCondition')}
              </Button>
            </>
          )}
        </Form.List>
        <Preview form={form} />
        <Form.Item
          name="expiresAt"
          label={t('exception.expires')}
          rules={[{ required: true }]}
          extra={t('exception.expiresHint')}
        >
          <DatePicker
            showTime={{ format: 'HH:mm' }}
            format="YYYY-MM-DD HH:mm"
            disabledDate={(date) => date.isBefore(dayjs().startOf('day'))}
            allowClear={false}
          />
        </Form.Item>
      </Form>
    </Dialog>
  )
}

const previewDays = 7
const previewAfterMs = 400

/** What the exception would have hidden lately, while its conditions are still being written. */
function Preview({ form }: { form: FormInstance<Values> }) {
  const { t } = useTranslation()
  const summaryOf = useSummary()
  const ruleIds = Form.useWatch('ruleIds', form)
  const conditions = Form.useWatch('conditions', form)
  const whole = (conditions ?? []).every((condition) => condition?.field && (condition.values ?? []).length > 0)
  const asked = whole && conditions ? JSON.stringify({ ruleIds, conditions, days: previewDays }) : undefined
  const settled = useSettled(asked)
  const { data, isError } = useQuery({
    queryKey: ['exception-preview', settled],
    queryFn: ({ signal }) =>
      answer(api.POST('/api/v1/exceptions/preview', { body: JSON.parse(settled!) as never, signal })),
    enabled: settled !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
  })
  if (settled === undefined || isError || !data) return null
  return (
    <div className="well" data-testid="exception-preview">
      <p className={data.detectionCount > 0 ? 'strong' : 'soft'}>
        {t('exception.preview', { days: previewDays, number: formatNumber(data.detectionCount) })}
        {data.truncated ? ` ${t('exception.previewCut', { number: formatNumber(data.examined) })}` : ''}
      </p>
      <ul className="small soft">
        {data.sample.slice(0, 3).map((detection) => (
          <li key={detection.id} className="ellipsis">
            <Time value={detection.lastSeenAt} /> {summaryOf(detection)}
          </li>
        ))}
      </ul>
    </div>
  )
}

/** The value once it has not changed for a moment. */
function useSettled(value: string | undefined): string | undefined {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), previewAfterMs)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}
