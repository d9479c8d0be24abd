import { once } from 'node:events'

/**
 * Writes lines to standard output and waits for a slow reader. A reader that goes away (`| head`) ends the program
 * quietly, as it does every tool of the shell.
 */
export function createLineOutput() {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  return {
    async line(text: string): Promise<void> {
      if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain')
    },
  }
}
