import { createSocket } from 'node:dgram'
import { connect } from 'node:net'

/** Sends lines over one TCP connection, newline framed, and closes it. */
export function sendTcp(port: number, lines: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(`${lines.join('\n')}\n`))
    socket.once('error', reject)
    socket.once('close', () => resolve())
    socket.resume()
  })
}

/** Sends one datagram a line. */
export async function sendUdp(port: number, lines: string[]): Promise<void> {
  const socket = createSocket('udp4')
  for (const line of lines) {
    await new Promise<void>((resolve, reject) =>
      socket.send(line, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
    )
  }
  await new Promise<void>((resolve) => socket.close(() => resolve()))
}
