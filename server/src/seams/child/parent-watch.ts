import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Makes `child` end with this process, even when this process is killed with SIGKILL: a shell waits on a pipe that
 * only we hold open; when the pipe closes without the word `done`, it sends the signal. The shell has its own session,
 * so that Ctrl-C in a terminal reaches neither it nor the child before the program has put things in order.
 */
export function endWithParent(child: ChildProcess, signalName: 'INT' | 'KILL'): void {
  if (child.pid === undefined) return
  const script = 'read -r word; [ "$word" = done ] || kill -s "$1" "$2" 2>/dev/null'
  const watcher = spawn('/bin/sh', ['-c', script, 'watch', signalName, String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.on('error', () => undefined)
  watcher.stdin?.on('error', () => undefined)
  watcher.unref()
  child.once('exit', () => watcher.stdin?.end('done\n'))
}
