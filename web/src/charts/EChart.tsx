import type { EChartsCoreOption, EChartsType } from 'echarts/core'
import { useEffect, useRef } from 'react'
import { init } from './echarts.ts'

interface EChartProps {
  option: EChartsCoreOption
  height: number
  label: string
  onClick?(params: { dataType?: string; data?: unknown; name?: string; seriesName?: string; dataIndex?: number }): void
}

/** One ECharts instance that follows its box, its option and the theme it is given through the option. */
export default function EChart({ option, height, label, onClick }: EChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<EChartsType | null>(null)
  const click = useRef(onClick)
  click.current = onClick
  useEffect(() => {
    const element = box.current
    if (!element) return
    const made = init(element, null, { renderer: 'svg' })
    chart.current = made
    made.on('click', (params) => click.current?.(params as never))
    const observer = new ResizeObserver(() => made.resize())
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.dispose()
      chart.current = null
    }
  }, [])
  useEffect(() => {
    chart.current?.setOption(
      { animation: !window.matchMedia('(prefers-reduced-motion: reduce)').matches, animationDuration: 200, ...option },
      { notMerge: true },
    )
  }, [option])
  return <div ref={box} role="img" aria-label={label} style={{ height, width: '100%' }} />
}
