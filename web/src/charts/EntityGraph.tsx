import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/client.ts'
import { fontFamily } from '../theme/palette.ts'
import { useTheme } from '../theme/theme.tsx'
import EChart from './EChart.tsx'

/** Types differ by outline as well as by colour. */
const symbols: Record<Schemas['Entity']['type'], string> = {
  host: 'roundRect',
  user: 'circle',
  ip: 'diamond',
  domain: 'triangle',
  process: 'rect',
  file: 'pin',
  url: 'arrow',
}

/** Entities of an incident and what ties them, laid out by force. */
export default function EntityGraph({ graph }: { graph: Schemas['IncidentGraph'] }) {
  const { t } = useTranslation()
  const { palette } = useTheme()
  const option = useMemo(() => {
    const types = [...new Set(graph.nodes.map(({ type }) => type))]
    const colours = [
      palette.accent,
      palette.good,
      palette.high,
      palette.medium,
      palette.low,
      palette.critical,
      palette.informational,
    ]
    return {
      textStyle: { fontFamily, color: palette.text },
      tooltip: {
        renderMode: 'richText',
        backgroundColor: palette.raised,
        borderColor: palette.lineStrong,
        textStyle: { color: palette.text, fontFamily, fontSize: 12 },
      },
      legend: {
        data: types.map((type) => ({ name: t(`entity.${type}`), icon: symbols[type] })),
        top: 0,
        left: 0,
        textStyle: { color: palette.textSoft },
      },
      series: [
        {
          type: 'graph',
          layout: 'force',
          roam: true,
          draggable: true,
          top: 30,
          force: { repulsion: 620, edgeLength: [150, 230], gravity: 0.06, layoutAnimation: false },
          categories: types.map((type, index) => ({
            name: t(`entity.${type}`),
            symbol: symbols[type],
            itemStyle: { color: colours[index % colours.length] },
          })),
          label: { show: true, position: 'bottom', color: palette.text, fontFamily, fontSize: 12, formatter: '{b}' },
          edgeLabel: {
            show: graph.edges.length <= 16,
            fontSize: 11,
            color: palette.textFaint,
            formatter: (item: { data: { label: string } }) => item.data.label,
          },
          edgeSymbol: ['none', 'arrow'],
          edgeSymbolSize: 8,
          data: graph.nodes.map((node) => ({
            id: node.id,
            name: node.value,
            category: types.indexOf(node.type),
            symbol: symbols[node.type],
            symbolSize: 16 + Math.min(24, 6 * Math.log2(1 + node.detectionCount)),
            tooltip: { formatter: `${t(`entity.${node.type}`)}\n${node.value}` },
          })),
          edges: graph.edges.map((edge) => ({
            source: edge.from,
            target: edge.to,
            label: edge.label,
            lineStyle: {
              color: palette[edge.severity],
              width: 1.5 + Math.min(3, Math.log2(edge.detectionCount + 1) / 2),
              curveness: 0.12,
            },
            tooltip: { formatter: `${edge.label}\n${t(`severity.${edge.severity}`)}` },
          })),
        },
      ],
    }
  }, [graph, palette, t])
  return <EChart option={option} height={380} label={t('incident.tab.graph')} />
}
