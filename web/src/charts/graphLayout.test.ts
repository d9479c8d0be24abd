import { describe, expect, it } from 'vitest'
import { joinEdges, placeNodes, shortName } from './graphLayout.ts'

const node = (id: string, role: 'actor' | 'target' | 'observed', detectionCount = 1) => ({ id, role, detectionCount })

describe('graph of an incident', () => {
  it('puts those who act left of those acted upon, each on its own place', () => {
    const places = placeNodes(
      [node('a', 'actor'), node('b', 'target'), node('c', 'observed'), node('d', 'actor')],
      600,
      300,
    )
    expect(places.get('a')!.x).toBeLessThan(places.get('c')!.x)
    expect(places.get('c')!.x).toBeLessThan(places.get('b')!.x)
    expect(new Set([...places.values()].map(({ x, y }) => `${x},${y}`)).size).toBe(4)
  })

  it('puts the busiest in the middle of its column, and a lone column in the middle of the box', () => {
    const places = placeNodes([node('few', 'actor', 1), node('most', 'actor', 9), node('some', 'actor', 3)], 600, 300)
    expect(places.get('most')).toEqual({ x: 300, y: 150 })
    expect(placeNodes([], 600, 300).size).toBe(0)
  })

  it('draws one line for several rules, as severe as the worst', () => {
    const rank = (severity: string) => ['low', 'high'].indexOf(severity)
    const [edge, ...rest] = joinEdges(
      [
        { from: 'a', to: 'b', label: 'one', severity: 'low', detectionCount: 2 },
        { from: 'a', to: 'b', label: 'two', severity: 'high', detectionCount: 1 },
        { from: 'b', to: 'a', label: 'back', severity: 'low', detectionCount: 1 },
      ],
      rank,
    )
    expect(rest).toHaveLength(1)
    expect(edge).toMatchObject({ labels: ['one', 'two'], severity: 'high', detectionCount: 3 })
  })

  it('keeps the telling end of a long path', () => {
    expect(shortName('C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe')).toBe('…\\powershell.exe')
    expect(shortName('/usr/bin/cat')).toBe('/usr/bin/cat')
    expect(shortName('x'.repeat(60))).toHaveLength(26)
  })
})
