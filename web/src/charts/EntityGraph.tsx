import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/client.ts'
import { useInLanguage } from '../i18n/useInLanguage.ts'
import { fontFamily } from '../theme/palette.ts'
import { useTheme } from '../theme/theme.tsx'
import { type SeverityName, severities } from '../ui/Severity.tsx'
import EChart from './EChart.tsx'
import { joinEdges, placeNodes, shortName } from './graphLayout.ts'

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

const worseness = (severity: string) => -(severities as string[]).indexOf(severity)

/** Entities of an incident and what ties them, from those who act (left) to those acted upon (right). */
export default function EntityGraph({ graph }: { graph: Schemas['IncidentGraph'] }) {
  const { t } = useTranslation()
  const { palette } = useTheme()
  const inLanguage = useInLanguage()
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
    const places = placeNodes(graph.nodes, 600, Math.max(260, graph.nodes.length * 34))
    const edges = joinEdges(
      graph.edges.map((edge) => ({ ...edge, label: inLanguage(edge.label, edge.labelZh) })),
      worseness,
    )
    const nameOf = new Map(graph.nodes.map(({ id, value }) => [id, value]))
    return {
      textStyle: { fontFamily, color: palette.text },
      tooltip: {
        renderMode: 'richText',
        confine: true,
        backgroundColor: palette.raised,
        borderColor: palette.lineStrong,
        textStyle: { color: palette.text, fontFamily, fontSize: 12 },
      },
      legend: {
        data: types.map((type) => ({ name: t(`entity.${type}`), icon: symbols[type] })),
        top: 0,
        left: 0,
        itemHeight: 11,
        textStyle: { color: palette.textSoft },
      },
      series: [
        {
          type: 'graph',
          layout: 'none',
          roam: true,
          draggable: true,
          left: 90,
          right: 100,
          top: 46,
          bottom: 34,
          preserveAspect: true,
          categories: types.map((type, index) => ({
            name: t(`entity.${type}`),
            symbol: symbols[type],
            itemStyle: { color: colours[index % colours.length] },
          })),
          label: { show: true, position: 'bottom', color: palette.text, fontFamily, fontSize: 12 },
          edgeLabel: { show: edges.length <= 5, fontSize: 11, color: palette.textSoft },
          edgeSymbol: ['none', 'arrow'],
          edgeSymbolSize: 7,
          emphasis: { focus: 'adjacency', label: { show: true } },
          data: graph.nodes.map((node) => ({
            id: node.id,
            name: node.value,
            ...places.get(node.id),
            category: types.indexOf(node.type),
            symbol: symbols[node.type],
            symbolSize: 14 + Math.min(18, 5 * Math.log2(1 + node.detectionCount)),
            label: { formatter: shortName(node.value) },
            tooltip: { formatter: `${t(`entity.${node.type}`)} · ${t(`entity.role.${node.role}`)}\n${node.value}` },
          })),
          edges: edges.map((edge) => ({
            source: edge.from,
            target: edge.to,
            label: {
              formatter:
                edge.labels.length === 1
                  ? shortName(edge.labels[0]!, 18)
                  : t('incident.rulesBetween', { number: edge.labels.length }),
            },
            lineStyle: {
              color: palette[edge.severity as SeverityName],
              width: 1.2 + Math.min(3, Math.log2(edge.detectionCount + 1) / 2),
              curveness: 0.08,
              opacity: 0.75,
            },
            tooltip: {
              formatter: `${nameOf.get(edge.from)} → ${nameOf.get(edge.to)}\n${edge.labels.map((label) => `· ${label}`).join('\n')}`,
            },
          })),
        },
      ],
    }
  }, [graph, palette, t, inLanguage])
  return (
    <EChart
      option={option}
      height={Math.min(620, Math.max(340, graph.nodes.length * 40))}
      label={t('incident.tab.graph')}
    />
  )
}
