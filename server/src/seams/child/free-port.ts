import { createServer } from 'node:net'
import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../clock/clock.ts'

/**
 * A port on loopback that nobody listens on, from below the range the system hands to outgoing connections, so that a
 * child that is started again finds its port still free and the addresses given to threads stay true.
 */
export async function freePort(clock: Clock): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 16_000 + (clock.random(2).readUInt16LE(0) % 16_000)
    if (await isFree(port)) return port
  }
  throw new CodedError('CHILD_FAILED', 'There is no free port between 16000 and 32000')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
