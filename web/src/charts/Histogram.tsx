import { type PointerEvent, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { formatNumber } from '../ui/format.ts'
import { formatTime } from '../ui/time.ts'

interface HistogramProps {
  buckets: { at: string; count: number }[]
  intervalMs: number
  height?: number
  label: string
  onZoom?(fromMs: number, toMs: number): void
}

/** Events over time, zero-based. Dragging over it asks for that span; one click asks for one bar. */
export function Histogram({ buckets, intervalMs, height = 84, label, onZoom }: HistogramProps) {
  const { t } = useTranslation()
  const svg = useRef<SVGSVGElement>(null)
  const [width, setWidth] = useState(900)
  const [drag, setDrag] = useState<[number, number] | null>(null)
  const [hover, setHover] = useState<number | null>(null)
  useLayoutEffect(() => {
    const element = svg.current
    if (!element) return
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const left = 44
  const bottom = 18
  const plot = { width: Math.max(1, width - left - 4), height: height - bottom - 4 }
  const max = niceMax(Math.max(0, ...buckets.map(({ count }) => count)))
  const step = plot.width / Math.max(1, buckets.length)
  const indexAt = (event: PointerEvent) => {
    const x = event.clientX - (svg.current?.getBoundingClientRect().left ?? 0) - left
    return Math.max(0, Math.min(buckets.length - 1, Math.floor(x / step)))
  }
  const startMs = (index: number) => Date.parse(buckets[index]!.at)
  const labelEvery = Math.max(1, Math.ceil(buckets.length / Math.max(2, Math.floor(plot.width / 130))))
  const selection = drag ? ([Math.min(...drag), Math.max(...drag)] as const) : null
  const hovered = hover === null ? undefined : buckets[hover]

  return (
    <div style={{ position: 'relative' }}>
      <svg
        ref={svg}
        className="bars"
        height={height}
        role="img"
        aria-label={label}
        data-testid="histogram"
        style={{ cursor: onZoom ? 'crosshair' : undefined }}
        onPointerDown={(event) => {
          if (!onZoom || buckets.length === 0) return
          event.currentTarget.setPointerCapture(event.pointerId)
          setDrag([indexAt(event), indexAt(event)])
        }}
        onPointerMove={(event) => {
          if (buckets.length === 0) return
          const index = indexAt(event)
          setHover(index)
          if (drag) setDrag([drag[0], index])
        }}
        onPointerUp={() => {
          if (selection && onZoom) onZoom(startMs(selection[0]), startMs(selection[1]) + intervalMs)
          setDrag(null)
        }}
        onPointerLeave={() => setHover(null)}
      >
        {[0, 0.5, 1].map((share) => {
          const y = 4 + plot.height * (1 - share)
          return (
            <g key={share}>
              <line x1={left} x2={left + plot.width} y1={y} y2={y} stroke="var(--line)" />
              <text x={left - 6} y={y + 4} textAnchor="end" fontSize="11" fill="var(--text-faint)">
                {share === 0.5 && max < 2 ? '' : compact(max * share)}
              </text>
            </g>
          )
        })}
        {buckets.map(({ at, count }, index) => {
          const tall = max === 0 ? 0 : (count / max) * plot.height
          return (
            <rect
              key={at}
              x={left + index * step + 0.5}
              y={4 + plot.height - tall}
              width={Math.max(1, step - 1)}
              height={tall}
              fill="var(--accent)"
              opacity={hover === index || (selection && index >= selection[0] && index <= selection[1]) ? 1 : 0.72}
            />
          )
        })}
        {selection ? (
          <rect
            x={left + selection[0] * step}
            y={4}
            width={(selection[1] - selection[0] + 1) * step}
            height={plot.height}
            fill="var(--accent)"
            opacity="0.15"
          />
        ) : null}
        {buckets.map(({ at }, index) =>
          index % labelEvery === 0 && (index + labelEvery / 2) * step < plot.width ? (
            <text key={at} x={left + index * step} y={height - 4} fontSize="11" fill="var(--text-faint)">
              {axisTime(Date.parse(at), intervalMs)}
            </text>
          ) : null,
        )}
      </svg>
      {hovered ? (
        <div
          className="chart-tip number"
          style={{ left: Math.min(left + (hover ?? 0) * step + 12, Math.max(left, width - 240)) }}
          role="presentation"
        >
          {formatTime(Date.parse(hovered.at))} · <b>{t('search.events', { number: formatNumber(hovered.count) })}</b>
        </div>
      ) : null}
    </div>
  )
}

function compact(value: number): string {
  if (value >= 1e6) return `${+(value / 1e6).toFixed(1)}M`
  if (value >= 1e3) return `${+(value / 1e3).toFixed(1)}k`
  return String(Math.round(value))
}

/** The next of 1, 2, 5 times a power of ten, so that the axis reads well. */
function niceMax(value: number): number {
  if (value <= 0) return 0
  const power = 10 ** Math.floor(Math.log10(value))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= value) ?? 10
  return factor * power
}

function axisTime(ms: number, intervalMs: number): string {
  const text = formatTime(ms)
  if (intervalMs >= 86_400_000) return text.slice(5, 10)
  if (intervalMs >= 900_000) return text.slice(5, 16)
  return intervalMs >= 60_000 ? text.slice(11, 16) : text.slice(11)
}
