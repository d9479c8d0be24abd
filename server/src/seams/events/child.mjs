// The process of the embedded event store: loads the ClickHouse engine (a shared library) and hands it a command line.
// Plain JavaScript, because it is started by its path from the sources and from the build alike.
//
// Arguments: library, pid file, then the engine's own. It ends when its standard input closes, that is when the program
// that started it has ended, however that happened; it is ended by SIGKILL, since the engine's threads make a normal
// exit hang (acknowledged rows are in the kernel by then and on disk by fsync).
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const { DataType, load, open } = createRequire(import.meta.url)('ffi-rs')
const [library, pidFile, ...engineArguments] = process.argv.slice(2)
const end = () => process.kill(process.pid, 'SIGKILL')

process.on('SIGINT', () => {})
process.on('SIGTERM', end)
process.stdin.on('end', end)
process.stdin.on('error', end)
process.stdin.resume()
writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })

open({ library: 'engine', path: library })
const commandLine = ['clickhouse', ...engineArguments]
load({
  library: 'engine',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [commandLine.length, commandLine],
  runInNewThread: true,
}).then(end, (error) => {
  console.error(String(error))
  end()
})
