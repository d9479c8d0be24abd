/** A row's worth of trend; the exact numbers are a click away. */
export function Sparkline({
  values,
  label,
  width = 96,
  height = 20,
}: {
  values: number[]
  label: string
  width?: number
  height?: number
}) {
  const max = Math.max(1, ...values)
  const step = width / Math.max(1, values.length - 1)
  const points = values.map(
    (value, index) => `${(index * step).toFixed(1)},${(height - 1 - (value / max) * (height - 3)).toFixed(1)}`,
  )
  return (
    <svg width={width} height={height} role="img" aria-label={label} style={{ display: 'block' }}>
      <title>{label}</title>
      <polygon points={`0,${height} ${points.join(' ')} ${width},${height}`} fill="var(--accent)" opacity="0.14" />
      <polyline points={points.join(' ')} fill="none" stroke="var(--accent)" strokeWidth="1.4" />
    </svg>
  )
}
