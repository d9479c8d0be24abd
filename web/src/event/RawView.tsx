import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/client.ts'
import { Copy } from '../ui/Copy.tsx'
import { formatBytes } from '../ui/format.ts'
import { Marked, Pieces } from './Marked.tsx'
import { decodeBase64, findBytes, hexRows, shownByteLimit } from './raw.ts'

/** The record exactly as it came, as text or as bytes, with the matched values highlighted in both. */
export function RawView({ raw, needles }: { raw: Schemas['EventDetail']['raw']; needles: string[] }) {
  const { t } = useTranslation()
  const [mode, setMode] = useState<'text' | 'hex'>(raw.encoding === 'binary' ? 'hex' : 'text')
  const [limit, setLimit] = useState(shownByteLimit)
  const bytes = useMemo(() => decodeBase64(raw.base64), [raw.base64])
  const cutOff = bytes.length > limit
  const rows = useMemo(() => {
    if (mode !== 'hex') return []
    const shown = bytes.subarray(0, limit)
    return hexRows(shown, findBytes(shown, needles))
  }, [mode, bytes, limit, needles])
  return (
    <div className="column" style={{ gap: 6 }}>
      <div className="row">
        {(['text', 'hex'] as const).map((name) => (
          <button
            key={name}
            type="button"
            className={`button ${mode === name ? 'on' : ''}`}
            aria-pressed={mode === name}
            data-testid={`raw-${name}`}
            onClick={() => setMode(name)}
          >
            {t(`event.${name}`)}
          </button>
        ))}
        <span className="faint small">
          {formatBytes(raw.sizeBytes)} · {raw.encoding}
        </span>
        <Copy text={raw.text} label={t('event.copyRaw')} />
      </div>
      {mode === 'text' ? (
        <div className="raw" data-testid="raw-view">
          <Marked text={raw.text.slice(0, limit)} needles={needles} />
        </div>
      ) : (
        <div className="hex" data-testid="raw-view">
          {rows.map(({ offset, hex, text }) => (
            <div key={offset}>
              <span className="offset">{offset} </span>
              <Pieces pieces={hex} />
              {' │ '}
              <Pieces pieces={text} />
            </div>
          ))}
        </div>
      )}
      {cutOff ? (
        <button type="button" className="button" onClick={() => setLimit(limit * 4)}>
          {t('event.showMore', { shown: formatBytes(limit), total: formatBytes(bytes.length) })}
        </button>
      ) : null}
    </div>
  )
}
