/**
 * Every colour of the desk, once. Style sheets read them as `--name`, Ant Design and ECharts are given the values.
 * Text pairs keep a contrast of at least 4.5:1 on `surface` and `canvas` (WCAG AA).
 */
export interface Palette {
  canvas: string
  surface: string
  raised: string
  sunken: string
  line: string
  lineStrong: string
  text: string
  textSoft: string
  textFaint: string
  accent: string
  accentSoft: string
  accentText: string
  navigation: string
  navigationText: string
  navigationSoft: string
  good: string
  warn: string
  bad: string
  mark: string
  markText: string
  critical: string
  high: string
  medium: string
  low: string
  informational: string
}

export const light: Palette = {
  canvas: '#f4f6f9',
  surface: '#ffffff',
  raised: '#ffffff',
  sunken: '#f0f2f6',
  line: '#e3e7ee',
  lineStrong: '#c6cedb',
  text: '#1b2430',
  textSoft: '#4c5a6c',
  textFaint: '#68768a',
  accent: '#2456b8',
  accentSoft: '#e8effb',
  accentText: '#ffffff',
  navigation: '#fbfcfe',
  navigationText: '#2b3647',
  navigationSoft: '#66748a',
  good: '#1d7a46',
  warn: '#9a5b00',
  bad: '#b3261e',
  mark: '#ffe08a',
  markText: '#3d2e00',
  critical: '#a3123f',
  high: '#c8460b',
  medium: '#946200',
  low: '#2a6fb0',
  informational: '#64748b',
}

export const dark: Palette = {
  canvas: '#11161d',
  surface: '#181f29',
  raised: '#202938',
  sunken: '#131a23',
  line: '#29323f',
  lineStrong: '#3d4a5c',
  text: '#e4e9f1',
  textSoft: '#b0bccb',
  textFaint: '#8d9bae',
  accent: '#6fa3f5',
  accentSoft: '#1f3153',
  accentText: '#0e1520',
  navigation: '#141b24',
  navigationText: '#d3dbe6',
  navigationSoft: '#8493a8',
  good: '#4fc384',
  warn: '#e0a23c',
  bad: '#f27b72',
  mark: '#6b5300',
  markText: '#ffeeb8',
  critical: '#ff6b94',
  high: '#ff9057',
  medium: '#e3b341',
  low: '#66b0f2',
  informational: '#94a3b8',
}

export const fontFamily =
  "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans SC', 'Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
export const monoFamily =
  "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', 'Noto Sans SC', monospace"
