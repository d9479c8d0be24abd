import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/client.ts'
import { formatNumber } from '../ui/format.ts'
import { refusalText } from '../ui/problemText.ts'
import { Problem } from '../ui/States.tsx'
import { Dialog } from './Dialog.tsx'
import { LineNotJson } from './lines.ts'

interface ImportDialogProps {
  title: string
  hint: string
  send(text: string): Promise<Schemas['ImportResult']>
  onClose(): void
}

/** A file of lines, or pasted ones; what was refused is listed with its line. */
export function ImportDialog({ title, hint, send, onClose }: ImportDialogProps) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [result, setResult] = useState<Schemas['ImportResult'] | null>(null)
  const [error, setError] = useState<unknown>(null)
  const run = async () => {
    setBusy(true)
    setError(null)
    try {
      setResult(await send(text))
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={title}
      width={640}
      busy={busy}
      disabled={text.trim() === ''}
      okText={t('actions.import')}
      onCancel={onClose}
      onOk={result ? undefined : () => void run()}
    >
      {result ? (
        <div className="column">
          <p className="good" data-testid="import-done">
            {t('import.done', { imported: formatNumber(result.imported), unchanged: formatNumber(result.unchanged) })}
          </p>
          {result.rejected.length > 0 ? (
            <>
              <p className="bad">{t('import.rejected', { number: formatNumber(result.rejected.length) })}</p>
              <pre className="raw" data-testid="import-rejected">
                {result.rejected
                  .slice(0, 100)
                  .map((refused) => `${refused.line}: ${refusalText(refused)}`)
                  .join('\n')}
              </pre>
            </>
          ) : null}
        </div>
      ) : (
        <div className="column">
          <p className="soft">{hint}</p>
          <input
            type="file"
            accept=".csv,.ndjson,.json,.txt"
            aria-label={t('import.file')}
            onChange={async (event) => setText((await event.target.files?.[0]?.text()) ?? '')}
          />
          <textarea
            className="input mono"
            style={{ height: 200, padding: 8 }}
            aria-label={t('import.text')}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          {error instanceof LineNotJson ? (
            <p className="bad" role="alert">
              {t('import.notJson', { line: error.message })}
            </p>
          ) : error ? (
            <Problem error={error} />
          ) : null}
        </div>
      )}
    </Dialog>
  )
}
