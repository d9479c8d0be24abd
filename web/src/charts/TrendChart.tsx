import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { fontFamily } from '../theme/palette.ts'
import { useTheme } from '../theme/theme.tsx'
import { formatNumber } from '../ui/format.ts'
import { severities } from '../ui/Severity.tsx'
import { formatTime } from '../ui/time.ts'
import EChart from './EChart.tsx'

interface TrendChartProps {
  points: { at: string; count: number; by?: Record<string, number> }[]
  label: string
  height?: number
  /** Stacked by severity; else one series. */
  stacked?: boolean
  onSpan?(fromMs: number, toMs: number): void
}

/** Counts over time, zero-based; a click on a bar asks for its span. */
export default function TrendChart({ points, label, height = 190, stacked = false, onSpan }: TrendChartProps) {
  const { t, i18n } = useTranslation()
  const { palette } = useTheme()
  // biome-ignore lint/correctness/useExhaustiveDependencies: numbers are written in the language
  const option = useMemo(() => {
    const names = stacked
      ? [...severities].reverse().filter((name) => points.some(({ by }) => (by?.[name] ?? 0) > 0))
      : []
    const axis = {
      axisLine: { lineStyle: { color: palette.lineStrong } },
      axisTick: { show: false },
      axisLabel: { color: palette.textFaint, fontSize: 11 },
    }
    return {
      textStyle: { fontFamily },
      grid: { left: 4, right: 8, top: stacked ? 26 : 10, bottom: 2, containLabel: true },
      legend: stacked
        ? { top: 0, right: 0, itemWidth: 10, itemHeight: 10, textStyle: { color: palette.textSoft, fontSize: 12 } }
        : undefined,
      tooltip: {
        trigger: 'axis',
        renderMode: 'richText',
        backgroundColor: palette.raised,
        borderColor: palette.lineStrong,
        textStyle: { color: palette.text, fontSize: 12, fontFamily },
        valueFormatter: (value: number) => formatNumber(value),
      },
      xAxis: { type: 'category', data: points.map(({ at }) => formatTime(Date.parse(at)).slice(5, 16)), ...axis },
      yAxis: {
        type: 'value',
        min: 0,
        minInterval: 1,
        splitNumber: 3,
        splitLine: { lineStyle: { color: palette.line } },
        axisLabel: { color: palette.textFaint, fontSize: 11, formatter: (value: number) => formatNumber(value) },
      },
      series: stacked
        ? names.map((name) => ({
            name: t(`severity.${name}`),
            type: 'bar',
            stack: 'all',
            barMaxWidth: 18,
            itemStyle: { color: palette[name] },
            data: points.map(({ by }) => by?.[name] ?? 0),
          }))
        : [
            {
              name: label,
              type: 'line',
              showSymbol: false,
              smooth: false,
              areaStyle: { opacity: 0.12 },
              lineStyle: { width: 1.5 },
              itemStyle: { color: palette.accent },
              data: points.map(({ count }) => count),
            },
          ],
    }
  }, [points, palette, stacked, label, t, i18n.language])
  const step = points.length > 1 ? Date.parse(points[1]!.at) - Date.parse(points[0]!.at) : 3_600_000
  return (
    <EChart
      option={option}
      height={height}
      label={label}
      onClick={({ dataIndex }) => {
        const point = dataIndex === undefined ? undefined : points[dataIndex]
        if (point && onSpan) onSpan(Date.parse(point.at), Date.parse(point.at) + step)
      }}
    />
  )
}
