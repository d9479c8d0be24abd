import { Form, type FormInstance } from 'antd'
import type { ReactNode } from 'react'
import { Dialog } from './Dialog.tsx'

interface FormDialogProps<Values extends object> {
  title: ReactNode
  initial?: Partial<Values>
  okText?: string
  busy?: boolean
  width?: number
  testId?: string
  onCancel(): void
  onFinish(values: Values): void
  children: ReactNode | ((form: FormInstance<Values>) => ReactNode)
}

/** A dialog around one form: OK checks and sends it, the first mistake is scrolled to. */
export function FormDialog<Values extends object>({
  title,
  initial,
  okText,
  busy,
  width,
  testId,
  onCancel,
  onFinish,
  children,
}: FormDialogProps<Values>) {
  const [form] = Form.useForm<Values>()
  return (
    <Dialog
      title={title}
      okText={okText}
      busy={busy}
      width={width}
      testId={testId}
      onCancel={onCancel}
      onOk={() => form.submit()}
    >
      <Form<Values>
        form={form}
        layout="vertical"
        initialValues={initial as Values}
        scrollToFirstError
        onFinish={onFinish}
      >
        {typeof children === 'function' ? children(form) : children}
        {/* Enter in a field sends the form. */}
        <button type="submit" hidden aria-hidden="true" tabIndex={-1} />
      </Form>
    </Dialog>
  )
}
