import { DownloadOutlined } from '@ant-design/icons'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../api/client.ts'
import { useCan } from '../api/session.tsx'
import { Action } from './Action.tsx'
import { problemText } from './problemText.ts'
import { toast } from './toast.tsx'

/** Saves the packets of the conversations behind an event, a detection or an incident as a pcap file. */
export function PacketsButton({ of, id, at }: { of: 'events' | 'detections' | 'incidents'; id: string; at?: string }) {
  const { t } = useTranslation()
  const reason = useCan()('packet:read')
  const [busy, setBusy] = useState(false)
  const get = async () => {
    setBusy(true)
    try {
      const packets = (await answer(ask())) as unknown as Blob
      const link = document.createElement('a')
      link.href = URL.createObjectURL(packets)
      link.download = `${of}-${id}.pcap`
      link.click()
      URL.revokeObjectURL(link.href)
    } catch (error) {
      toast(problemText(error), { kind: 'error' })
    } finally {
      setBusy(false)
    }
  }
  return (
    <Action reason={reason} busy={busy} onClick={() => void get()} testId="get-packets">
      <DownloadOutlined /> {t('traffic.packetsButton')}
    </Action>
  )

  function ask() {
    const parseAs = 'blob' as const
    if (of === 'events')
      return api.GET('/api/v1/events/{id}/packets', { params: { path: { id }, query: at ? { at } : {} }, parseAs })
    if (of === 'detections') return api.GET('/api/v1/detections/{id}/packets', { params: { path: { id } }, parseAs })
    return api.GET('/api/v1/incidents/{id}/packets', { params: { path: { id: Number(id) } }, parseAs })
  }
}
