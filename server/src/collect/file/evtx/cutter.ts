import type { AddRecord, Cutter } from '../read.ts'
import { evtxChunkBytes, evtxHeaderBytes, newEvtxCounters, readEvtxChunk } from './reader.ts'

/** Cuts a Windows event log into its records, each as one line of JSON in the shape of evtx_dump. */
export class EvtxCutter implements Cutter {
  private readonly counters = newEvtxCounters()
  private readonly recover: boolean
  private readonly add: AddRecord
  private readonly held = Buffer.alloc(evtxChunkBytes)
  private heldBytes = 0
  private chunkAt = -1
  private headerBytes: number | undefined

  constructor(recover: boolean, add: AddRecord) {
    this.recover = recover
    this.add = add
  }

  push(bytes: Buffer, at: number): void {
    // A range of a log, or one that was carved, begins with a chunk.
    this.headerBytes ??= bytes.toString('latin1', 0, 7) === 'ElfChnk' ? 0 : evtxHeaderBytes
    let from = Math.max(0, this.headerBytes - at)
    while (from < bytes.length) {
      if (this.heldBytes === 0) this.chunkAt = at + from
      const copied = bytes.copy(this.held, this.heldBytes, from)
      this.heldBytes += copied
      from += copied
      if (this.heldBytes === evtxChunkBytes) this.flush()
    }
  }

  end(at: number): boolean {
    if (this.headerBytes === undefined || at < this.headerBytes) return false
    if (this.heldBytes > 0) {
      this.counters.trailingBytes = this.heldBytes
      this.flush()
    }
    return true
  }

  warning(): string | undefined {
    const { damagedChunks, damagedRecords, trailingBytes, beyondHeader, carved, records } = this.counters
    const found = [
      damagedChunks > 0 ? `${damagedChunks} damaged chunks` : '',
      damagedRecords > 0 ? `${damagedRecords} records that cannot be read` : '',
      trailingBytes > 0 ? `the last chunk is cut at ${trailingBytes} bytes` : '',
      beyondHeader > 0 ? `${beyondHeader} records the log's own header does not know` : '',
      carved > 0 ? `${carved} records recovered` : '',
    ].filter((text) => text !== '')
    return found.length === 0 ? undefined : `${found.join(', ')}; ${records} records read`
  }

  private flush(): void {
    const chunk = this.held.subarray(0, this.heldBytes)
    for (const { json, end } of readEvtxChunk(chunk, this.counters, this.recover)) {
      this.add(Buffer.from(JSON.stringify(json)), this.chunkAt + end)
    }
    this.heldBytes = 0
  }
}
