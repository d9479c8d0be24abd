import { useMemo, useState } from 'react'
import { rangeOf } from '../../ui/TimePicker.tsx'
import { resolveRange } from '../../ui/time.ts'
import { useUrl } from '../../ui/useUrl.ts'

/** Before any record. */
const beginning = '1970-01-01T00:00:00.000Z'

/** The range of the address with its ends fixed when the question was asked, so that all figures and their links speak of one span. */
export function useSpan(fallback?: string) {
  const [url] = useUrl()
  const [askedAt, setAskedAt] = useState(() => Date.now())
  const { from, to } = rangeOf(url, fallback)
  const span = useMemo(() => {
    const { fromMs, toMs } = resolveRange({ from: from === 'all' ? beginning : from, to }, askedAt)
    return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() }
  }, [from, to, askedAt])
  return { range: { from, to }, span, askAgain: () => setAskedAt(Date.now()) }
}

export type IsoSpan = ReturnType<typeof useSpan>['span']
