import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/**
 * Datagrams the kernel dropped at one UDP socket of this process, from the last column (`drops`) of `/proc/net/udp`
 * and `udp6` (Documentation/networking/proc_net_tcp.rst gives the layout). The socket is told from others on the same
 * port by its inode, which must be among our own file descriptors. Null where there is no such file (not Linux).
 */
export class KernelDrops {
  private inode: string | undefined
  private readonly port: number

  constructor(port: number) {
    this.port = port
  }

  read(): number | null {
    const rows = udpRows()
    if (rows === null) return null
    if (this.inode === undefined) {
      const candidates = rows.filter((row) => row.port === this.port)
      const ours = candidates.length > 0 ? ownSocketInodes() : new Set<string>()
      this.inode = candidates.find((row) => ours.has(row.inode))?.inode
    }
    return rows.find((row) => row.inode === this.inode)?.drops ?? null
  }
}

interface UdpRow {
  port: number
  inode: string
  drops: number
}

function udpRows(): UdpRow[] | null {
  const texts: string[] = []
  for (const file of ['/proc/net/udp', '/proc/net/udp6']) {
    try {
      texts.push(readFileSync(file, 'latin1'))
    } catch {
      // Either family may be missing; with both missing the answer is "unknown", not zero.
    }
  }
  if (texts.length === 0) return null
  return texts.flatMap((text) => text.split('\n').slice(1).filter(Boolean).map(parseRow))
}

function parseRow(line: string): UdpRow {
  const columns = line.trim().split(/\s+/)
  const local = columns[1] ?? ''
  return {
    port: Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16),
    inode: columns[9] ?? '',
    drops: Number(columns[columns.length - 1]),
  }
}

function ownSocketInodes(): Set<string> {
  const inodes = new Set<string>()
  for (const descriptor of readdirSync('/proc/self/fd')) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1]
      if (inode !== undefined) inodes.add(inode)
    } catch {
      // The descriptor of the listing itself is gone by now.
    }
  }
  return inodes
}
