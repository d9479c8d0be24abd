import { BarChart, GraphChart, LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

/** Only the parts that are used; loaded with the first chart. SVG, so that it prints and scales. */
use([BarChart, LineChart, GraphChart, GridComponent, TooltipComponent, LegendComponent, SVGRenderer])

export { init }
