const mappedPrefix = '::ffff:'

/**
 * A peer address as the operating system gives it, in its one canonical text: an IPv4 address that arrived on an
 * IPv6 socket (`::ffff:192.0.2.1`) becomes plain IPv4, and a zone (`fe80::1%eth0`) is dropped.
 */
export function canonicalPeerAddress(address: string): string {
  const zone = address.indexOf('%')
  const plain = zone < 0 ? address : address.slice(0, zone)
  return plain.startsWith(mappedPrefix) && plain.includes('.') ? plain.slice(mappedPrefix.length) : plain
}
