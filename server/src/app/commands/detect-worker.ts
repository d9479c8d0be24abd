import { parentPort, workerData } from 'node:worker_threads'
import type { FoundInput } from '../../collect/file/input.ts'
import { type LaneCommand, type LaneMessage, ScanLane } from './detect-lane.ts'
import { createFileScanner, loadTaskRules, type ScanTask } from './detect-scan.ts'

// A thread of `watchfire detect`: loads the rules, says ready and reads the files it is given. What is refused among rules and
// parsers is told by the main thread, which loads the same.
const { task, inputs } = workerData as { task: ScanTask; inputs: FoundInput[] }
const port = parentPort
if (!port) throw new TypeError('detect-worker runs in a worker thread')
const scan = createFileScanner(task, await loadTaskRules(task), () => undefined)
const lane = new ScanLane(inputs, scan, (message: LaneMessage) => port.postMessage(message))
port.on('message', (command: LaneCommand) => lane.command(command))
port.postMessage({ kind: 'ready' } satisfies LaneMessage)
