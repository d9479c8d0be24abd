import { canonicalIp, ipv4Number, isIpv4, parseIpv6 } from './ip-address.ts'

interface Node<Value> {
  zero: Node<Value> | undefined
  one: Node<Value> | undefined
  value: Value | undefined
}

/** Address ranges to values; the longest matching range wins. A binary trie for each family: at most 32 or 128 steps. */
export class CidrTable<Value> {
  private readonly four: Node<Value> = emptyNode()
  private readonly six: Node<Value> = emptyNode()
  size = 0

  /** Adds an address or a range (`192.0.2.0/24`, `2001:db8::/32`); false when the text is neither. */
  add(range: string, value: Value): boolean {
    const slash = range.indexOf('/')
    const address = canonicalIp(slash < 0 ? range.trim() : range.slice(0, slash).trim())
    if (address === undefined) return false
    const width = isIpv4(address) ? 32 : 128
    const length = slash < 0 ? width : Number(range.slice(slash + 1))
    if (!Number.isInteger(length) || length < 0 || length > width) return false
    const words = addressWords(address)
    let node = width === 32 ? this.four : this.six
    for (let bit = 0; bit < length; bit++) {
      const one = ((words[bit >> 5]! >>> (31 - (bit & 31))) & 1) === 1
      const next = (one ? node.one : node.zero) ?? emptyNode<Value>()
      if (one) node.one = next
      else node.zero = next
      node = next
    }
    if (node.value === undefined) this.size++
    node.value = value
    return true
  }

  /** Value of the longest range that holds the canonical address. */
  find(address: string): Value | undefined {
    if (this.size === 0) return undefined
    const words = addressWords(address)
    let node: Node<Value> | undefined = words.length === 1 ? this.four : this.six
    let best = node.value
    for (let bit = 0; bit < words.length * 32; bit++) {
      node = ((words[bit >> 5]! >>> (31 - (bit & 31))) & 1) === 1 ? node.one : node.zero
      if (node === undefined) return best
      if (node.value !== undefined) best = node.value
    }
    return best
  }
}

function emptyNode<Value>(): Node<Value> {
  return { zero: undefined, one: undefined, value: undefined }
}

/** 32-bit words, most significant first: one for IPv4, four for IPv6, none when the text is no address. */
export function addressWords(address: string): number[] {
  if (isIpv4(address)) return [ipv4Number(address)]
  const groups = parseIpv6(address)
  if (!groups) return []
  const words: number[] = []
  for (let index = 0; index < 8; index += 2) words.push(groups[index]! * 0x10000 + groups[index + 1]!)
  return words
}
