import type { Fields } from '../../event/event.ts'
import type { Emit } from '../../traffic/record.ts'
import type { CarvedFile, InspectFile } from '../../traffic/stream/files.ts'

/** Who says what a file is, and needs time for it: a virus scanner, a sandbox. */
export interface FileJudge {
  /** Stands in the records: `clamav`, `cape`. */
  name: string
  wants(file: CarvedFile): boolean
  /** What is found; undefined when there is nothing to tell. */
  judge(content: Buffer, file: CarvedFile, signal: AbortSignal): Promise<Fields | undefined>
  timeoutMs: number
}

export interface FileJudgesOptions {
  judges: readonly FileJudge[]
  emit: Emit
  onTrouble(text: string): void
}

/** Bytes of files that wait for their judge, and files at one judge at once. */
const waitingLimitBytes = 128 * 1_048_576
const atOnce = 4
/** Files that were judged already are not judged again while they are remembered. */
const rememberedMax = 10_000

interface Waiting {
  judge: FileJudge
  content: Buffer
  file: CarvedFile
}

/**
 * Hands files to judges beside the flow of packets; what a judge finds is a record of its own, `file_verdict`, with the
 * conversation and the hash of the file. What waits is bounded: a file that finds no room is not judged, and counted.
 */
export class FileJudges {
  readonly counters = { judged: 0, found: 0, failed: 0, refused: 0 }
  private readonly waiting: Waiting[] = []
  private waitingBytes = 0
  private running = 0
  private readonly remembered = new Set<string>()
  private idle: (() => void)[] = []
  private readonly options: FileJudgesOptions

  constructor(options: FileJudgesOptions) {
    this.options = options
  }

  /** Puts the judges behind `first`, which looks into the file at once. */
  behind(first: InspectFile | undefined): InspectFile {
    return (file) => {
      const fields = first?.(file) ?? {}
      this.add(file)
      return fields
    }
  }

  private add(file: CarvedFile): void {
    let content: Buffer | undefined
    for (const judge of this.options.judges) {
      const key = `${judge.name} ${file.sha256}`
      if (!judge.wants(file) || this.remembered.has(key)) continue
      if (this.waitingBytes + file.content.length > waitingLimitBytes) {
        this.counters.refused++
        continue
      }
      this.remembered.add(key)
      if (this.remembered.size > rememberedMax) this.remembered.delete(this.remembered.values().next().value!)
      content ??= Buffer.from(file.content)
      this.waiting.push({ judge, content, file: { ...file, content } })
      this.waitingBytes += content.length
    }
    this.next()
  }

  private next(): void {
    while (this.running < atOnce && this.waiting.length > 0) {
      this.running++
      const one = this.waiting.shift()!
      void this.run(one).then(() => {
        this.waitingBytes -= one.content.length
        this.running--
        this.next()
        if (this.running === 0) for (const settle of this.idle.splice(0)) settle()
      })
    }
  }

  private async run({ judge, content, file }: Waiting): Promise<void> {
    const { counters, options } = this
    try {
      const found = await judge.judge(content, file, AbortSignal.timeout(judge.timeoutMs))
      counters.judged++
      if (found === undefined) return
      counters.found++
      const fields: Fields = {
        'traffic.file.judge': judge.name,
        'traffic.file.protocol': file.protocol,
        'file.hash.sha256': file.sha256,
        'file.size': content.length,
        ...found,
      }
      if (file.name !== undefined) fields['file.name'] = file.name
      if (file.mimeType !== undefined) fields['file.mime_type'] = file.mimeType
      options.emit({ dataset: 'file_verdict', timeUs: file.timeUs, endpoints: file.endpoints, fields })
    } catch (error) {
      counters.failed++
      options.onTrouble(`${judge.name} could not judge ${file.sha256}: ${(error as Error).message}`)
    }
  }

  /** Resolves when nothing waits any more. */
  settled(): Promise<void> {
    if (this.running === 0) return Promise.resolve()
    return new Promise((resolve) => this.idle.push(resolve))
  }
}
