/** The mark: a beacon tower that is lit. */
export function Beacon({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path d="M16 2c3 4 6 6 6 10a6 6 0 0 1-12 0c0-2 1-3 2-4 0 2 1 3 2 3 1-3 0-5 2-9z" fill="var(--high)" />
      <path d="M9 20h14l3 10H6z" fill="var(--accent)" />
      <path d="M8 17h16v2H8z" fill="var(--accent)" opacity=".7" />
    </svg>
  )
}
