import { UploadOutlined } from '@ant-design/icons'
import { Link } from '@tanstack/react-router'
import { type DragEvent, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { Action } from '../../ui/Action.tsx'
import { formatBytes, formatNumber } from '../../ui/format.ts'
import { Problem } from '../../ui/States.tsx'

/** A capture dropped here, or chosen, becomes events, detections and incidents. */
export function CaptureUpload({ onDone }: { onDone(): void }) {
  const { t } = useTranslation()
  const reason = useCan()('import:write')
  const input = useRef<HTMLInputElement>(null)
  const [busy, setBusy] = useState<string>()
  const [done, setDone] = useState<{ accepted: number; bytes: number }>()
  const [error, setError] = useState<unknown>()
  const send = async (file: File | undefined) => {
    if (!file || reason !== undefined || busy !== undefined) return
    setBusy(file.name)
    setError(undefined)
    setDone(undefined)
    try {
      const sent = await answer(
        api.POST('/api/v1/import', {
          params: { query: { name: file.name } },
          body: file as never,
          bodySerializer: (body: unknown) => body as File,
          headers: { 'content-type': 'application/octet-stream' },
        }),
      )
      setDone(sent)
      onDone()
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(undefined)
    }
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button inside does the same by keyboard
    <div
      className="row wrap"
      data-testid="capture-drop"
      onDragOver={(event: DragEvent) => event.preventDefault()}
      onDrop={(event: DragEvent) => {
        event.preventDefault()
        void send(event.dataTransfer.files[0])
      }}
    >
      {busy === undefined ? null : <output className="soft">{t('traffic.upload.busy', { name: busy })}</output>}
      {done ? (
        <output className="good" data-testid="capture-done">
          {t('traffic.upload.done', { number: formatNumber(done.accepted), size: formatBytes(done.bytes) })}{' '}
          <Link to="/incidents">{t('pages.incidents')}</Link>
        </output>
      ) : null}
      {error ? <Problem error={error} /> : null}
      <input
        ref={input}
        type="file"
        hidden
        accept=".pcap,.pcapng,.cap,.gz"
        data-testid="capture-file"
        onChange={(event) => {
          void send(event.currentTarget.files?.[0])
          event.currentTarget.value = ''
        }}
      />
      <Action
        reason={reason}
        busy={busy !== undefined}
        title={t('traffic.upload.hint')}
        onClick={() => input.current?.click()}
        testId="capture-upload"
      >
        <UploadOutlined /> {t('traffic.upload.button')}
      </Action>
    </div>
  )
}
