import { hash } from 'node:crypto'

/**
 * Community ID version 1 with seed 0 (https://github.com/corelight/community-id-spec): SHA-1 over the ordered endpoints,
 * so that every tool gives a flow the same name. The lower endpoint comes first.
 */
export function communityId(
  first: Uint8Array,
  second: Uint8Array,
  ports: [number, number],
  protocol: number,
  hasPorts: boolean,
): string {
  const size = first.length
  const input = Buffer.alloc(2 + 2 * size + 2 + (hasPorts ? 4 : 0))
  input.set(first, 2)
  input.set(second, 2 + size)
  input[2 + 2 * size] = protocol
  if (hasPorts) {
    input.writeUInt16BE(ports[0], 4 + 2 * size)
    input.writeUInt16BE(ports[1], 6 + 2 * size)
  }
  return `1:${hash('sha1', input, 'base64')}`
}
