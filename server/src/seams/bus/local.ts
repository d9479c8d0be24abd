import { join } from 'node:path'
import type { Logger } from 'pino'
import { CodedError } from '../../event/errors.ts'
import { fnv1a } from '../../lib/fnv.ts'
import type { Clock } from '../clock/clock.ts'
import type { Bus, OffsetRange, PublishOptions, Topic } from './bus.ts'
import { ThreadChannel } from './channel.ts'
import { CommittedOffset } from './committed-offsets.ts'
import { type Files, realFiles } from './files.ts'
import { type PartitionEnd, PartitionWriter, type WriterLimits } from './partition-writer.ts'
import { listSegments, SegmentWalk, segmentPath } from './segments.ts'
import { readSlotFile } from './slot-file.ts'
import { LocalSubscription } from './subscription.ts'

export interface LocalBusOptions {
  /** `dataDir/bus`; the same for all threads. */
  directory: string
  /** Partitions this thread writes; no other thread may write them. Empty for a thread that only reads. */
  partitions: readonly number[]
  /** Which partitions the subscriptions of this thread read, where a group is spread over threads; all by default. */
  take?: (partition: number) => boolean
  /** Bound of the backlog of each topic, over the partitions this thread writes. */
  limitBytes: number
  logger: Logger
  clock: Clock
  /** Smaller limits for tests and for the simulation. */
  limits?: Partial<Omit<WriterLimits, 'limitBytes'>>
  files?: Files
  /** Threads of one installation share it; by default it follows from the directory. */
  channelName?: string
}

type Notice =
  | { kind: 'end'; topic: Topic; partition: number; end: PartitionEnd }
  | { kind: 'committed'; topic: Topic; group: string; partition: number; offset: number }
  | { kind: 'group'; topic: Topic; group: string }
  | { kind: 'who' }

const pollIntervalMs = 250
const writerAnswerMs = 3_000

/**
 * The bus of one machine: a directory per partition with segment files, written by one thread and read by any. See
 * frame.ts for the bytes, partition-writer.ts for durability. The thread that subscribes for a group and partition is
 * the one that may commit it.
 */
export async function openLocalBus(options: LocalBusOptions): Promise<Bus> {
  const bus = new LocalBus(options)
  await bus.open()
  return bus
}

class LocalBus implements Bus {
  readonly #options: LocalBusOptions
  readonly #files: Files
  readonly #limits: WriterLimits
  readonly #channelName: string
  readonly #notices: ThreadChannel<Notice>
  readonly #channels = new Map<string, ThreadChannel<unknown>>()
  readonly #writers = new Map<string, Promise<PartitionWriter>>()
  readonly #ends = new Map<string, PartitionEnd>()
  /** Committed offsets this thread writes. */
  readonly #offsets = new Map<string, Promise<CommittedOffset>>()
  /** What all groups have committed, as far as this thread has heard: topic -> group -> partition -> offset. */
  readonly #committed = new Map<Topic, Map<string, Map<number, number>>>()
  readonly #subscriptions = new Map<LocalSubscription, Topic>()
  #nextWriter = 0
  #closed = false
  #poll: NodeJS.Timeout | undefined

  constructor(options: LocalBusOptions) {
    this.#options = options
    this.#files = options.files ?? realFiles
    const segmentBytes = Math.min(64 << 20, Math.max(64 << 10, Math.floor(options.limitBytes / 16)))
    const defaults = { segmentBytes, reserveBytes: 256 << 20, keyLimit: 1_000_000, keyAgeMs: 24 * 3_600_000 }
    const perPartition = Math.floor(options.limitBytes / Math.max(1, options.partitions.length))
    this.#limits = { ...defaults, ...options.limits, limitBytes: perPartition }
    this.#channelName = options.channelName ?? `watchfire:${options.directory}`
    this.#notices = new ThreadChannel(`${this.#channelName}:bus`)
  }

  async open(): Promise<void> {
    this.#notices.listen((notice) => this.#onNotice(notice))
    await this.#loadCommitted('raw')
    await this.#loadCommitted('matches')
    await this.#loadCommitted('detections')
  }

  async publish(
    topic: Topic,
    records: Uint8Array[],
    { key, partition, idempotencyKey }: PublishOptions = {},
  ): Promise<OffsetRange> {
    if (partition !== undefined && !this.#options.partitions.includes(partition))
      throw new TypeError(`this thread does not write partition ${partition}`)
    const writer = await this.#writer(topic, partition ?? this.#choosePartition(key ?? idempotencyKey))
    return writer.publish(records, idempotencyKey)
  }

  async subscribe(
    topic: Topic,
    group: string,
    subscriber: Parameters<Bus['subscribe']>[2],
  ): Promise<LocalSubscription> {
    this.#requireOpen()
    // Known before anything is read: from now on no segment is removed that the group has not passed.
    this.#register(topic, group)
    this.#notices.sendToOthers({ kind: 'group', topic, group })
    await this.#files.makeDirectory(this.#groupDirectory(topic, group))
    const { clock, logger } = this.#options
    const subscription = new LocalSubscription(subscriber, {
      files: this.#files,
      clock,
      logger: logger.child({ topic, group }),
      directoryOf: (partition) => this.#directoryOf(topic, partition),
      committedOf: (partition) => this.#committedOffset(topic, group, partition),
      onClose: (closed) => this.#subscriptions.delete(closed),
    })
    this.#subscriptions.set(subscription, topic)
    this.#notices.sendToOthers({ kind: 'who' })
    await this.#discover(subscription, topic)
    this.#poll ??= setInterval(() => this.#lookAround(), pollIntervalMs)
    return subscription
  }

  async commit(topic: Topic, group: string, partition: number, offset: number): Promise<void> {
    const committed = await this.#committedOffset(topic, group, partition)
    await committed.commit(offset)
    this.#tellCommitted(topic, group, partition, committed.committed)
  }

  broadcast<Message>(channel: string): ThreadChannel<Message> {
    this.#requireOpen()
    let found = this.#channels.get(channel)
    if (found === undefined) {
      found = new ThreadChannel<unknown>(`${this.#channelName}:${channel}`)
      this.#channels.set(channel, found)
    }
    return found as ThreadChannel<Message>
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await Promise.all([...this.#subscriptions.keys()].map((subscription) => subscription.close()))
    this.#closed = true
    clearInterval(this.#poll)
    for (const writer of this.#writers.values()) {
      await writer.then(
        (opened) => opened.close(),
        () => undefined,
      )
    }
    for (const offset of this.#offsets.values()) {
      await offset.then(
        (opened) => opened.close(),
        () => undefined,
      )
    }
    this.#notices.close()
    for (const channel of this.#channels.values()) channel.close()
  }

  #requireOpen(): void {
    if (this.#closed) throw new CodedError('STOPPING', 'The bus is closed')
  }

  /** The same key always goes to the same partition; without one they take turns. */
  #choosePartition(key: string | undefined): number {
    const { partitions } = this.#options
    if (partitions.length === 0) throw new TypeError('this thread owns no partition to publish to')
    if (key === undefined) return partitions[this.#nextWriter++ % partitions.length]!
    return partitions[fnv1a(key) % partitions.length]!
  }

  #directoryOf(topic: Topic, partition: number): string {
    return join(this.#options.directory, topic, String(partition))
  }

  /** Opens a partition's writer at its first publication; a failure (a full disk) is tried again at the next. */
  #writer(topic: Topic, partition: number): Promise<PartitionWriter> {
    this.#requireOpen()
    const name = `${topic}/${partition}`
    let writer = this.#writers.get(name)
    if (writer === undefined) {
      writer = this.#openWriter(topic, partition)
      this.#writers.set(name, writer)
      writer.catch(() => this.#writers.delete(name))
    }
    return writer
  }

  async #openWriter(topic: Topic, partition: number): Promise<PartitionWriter> {
    const { clock, logger } = this.#options
    const around = {
      files: this.#files,
      clock,
      logger: logger.child({ topic }),
      limits: this.#limits,
      committedByAll: () => this.#committedOver(topic, partition, Math.min, Number.POSITIVE_INFINITY),
      committedByAny: () => this.#committedOver(topic, partition, Math.max, -1),
      onEnd: (end: PartitionEnd) => this.#tellEnd(topic, partition, end),
    }
    const directory = this.#directoryOf(topic, partition)
    try {
      const writer = await PartitionWriter.open(partition, directory, around).catch(async (error) => {
        const isOurs = error instanceof CodedError && error.code === 'DATA_DIR_BUSY' && error.detail.pid === process.pid
        if (!isOurs || (await this.#hasLiveWriter(topic, partition))) throw error
        // The thread that wrote it has died without letting go, and was started again.
        return PartitionWriter.open(partition, directory, around, { evenFromThisProcess: true })
      })
      this.#tellEnd(topic, partition, writer.end)
      return writer
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (error instanceof CodedError || code === undefined) throw error
      throw new CodedError('BUS_UNWRITABLE', `The bus cannot be opened: ${code}`, { code }, { cause: error })
    }
  }

  /** Asks the other threads of this process; a living writer answers at once, a busy one within 3 s. */
  #hasLiveWriter(topic: Topic, partition: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (answer: boolean) => {
        clearTimeout(timer)
        stop()
        resolve(answer)
      }
      const timer = setTimeout(() => settle(false), writerAnswerMs)
      const stop = this.#notices.listen((notice) => {
        if (notice.kind === 'end' && notice.topic === topic && notice.partition === partition) settle(true)
      })
      this.#notices.sendToOthers({ kind: 'who' })
    })
  }

  #committedOver(topic: Topic, partition: number, pick: (a: number, b: number) => number, start: number): number {
    const groups = this.#committed.get(topic)
    if (groups === undefined || groups.size === 0) return -1
    let result = start
    for (const offsets of groups.values()) result = pick(result, offsets.get(partition) ?? -1)
    return result
  }

  #tellEnd(topic: Topic, partition: number, end: PartitionEnd): void {
    this.#onNotice({ kind: 'end', topic, partition, end })
    this.#notices.sendToOthers({ kind: 'end', topic, partition, end })
  }

  #tellCommitted(topic: Topic, group: string, partition: number, offset: number): void {
    this.#onNotice({ kind: 'committed', topic, group, partition, offset })
    this.#notices.sendToOthers({ kind: 'committed', topic, group, partition, offset })
  }

  #onNotice(notice: Notice): void {
    if (notice.kind === 'who') {
      for (const [name, writer] of this.#writers) {
        const [topic, partition] = name.split('/') as [Topic, string]
        writer.then(
          ({ end }) => this.#notices.sendToOthers({ kind: 'end', topic, partition: Number(partition), end }),
          () => undefined,
        )
      }
      return
    }
    if (notice.kind === 'group') {
      this.#register(notice.topic, notice.group)
      return
    }
    const { topic, partition } = notice
    if (notice.kind === 'end') {
      this.#ends.set(`${topic}/${partition}`, notice.end)
      for (const [subscription, itsTopic] of this.#subscriptions) {
        if (itsTopic !== topic) continue
        this.#assign(subscription, topic, partition)
        subscription.extend(partition, notice.end)
      }
      return
    }
    const offsets = this.#register(topic, notice.group)
    offsets.set(partition, Math.max(notice.offset, offsets.get(partition) ?? -1))
    this.#writers
      .get(`${topic}/${partition}`)
      ?.then((writer) => writer.removePassed())
      .catch((error) => this.#options.logger.warn({ err: error }, 'segments that are done with could not be removed'))
  }

  /** What a group has committed, by partition; -1 where nothing is noted. */
  #register(topic: Topic, group: string): Map<number, number> {
    const groups = this.#committed.get(topic) ?? new Map<string, Map<number, number>>()
    this.#committed.set(topic, groups)
    const offsets = groups.get(group) ?? new Map<number, number>()
    groups.set(group, offsets)
    return offsets
  }

  #assign(subscription: LocalSubscription, topic: Topic, partition: number): void {
    if (this.#options.take?.(partition) === false) return
    subscription.assign(partition)
    const end = this.#ends.get(`${topic}/${partition}`)
    if (end) subscription.extend(partition, end)
  }

  async #discover(subscription: LocalSubscription, topic: Topic): Promise<void> {
    for (const name of await this.#files.list(join(this.#options.directory, topic))) {
      if (/^\d+$/.test(name)) this.#assign(subscription, topic, Number(name))
    }
  }

  /** The fall-back for notices that were missed: new partitions, and partitions that nobody writes any more. */
  #lookAround(): void {
    this.#notices.sendToOthers({ kind: 'who' })
    for (const [subscription, topic] of this.#subscriptions) {
      this.#discover(subscription, topic)
        .then(() => this.#adoptAbandoned(subscription, topic))
        .catch((error) => this.#options.logger.error({ err: error }, 'the bus could not be looked through'))
    }
  }

  /**
   * A partition without a living writer (fewer threads than before) is read to the end of its whole frames, after
   * making sure that they are durable.
   */
  async #adoptAbandoned(subscription: LocalSubscription, topic: Topic): Promise<void> {
    for (const partition of subscription.withoutEnd()) {
      const directory = this.#directoryOf(topic, partition)
      if (this.#files.isLocked(directory)) continue
      const last = (await listSegments(this.#files, directory)).at(-1)
      if (last === undefined) continue
      const file = await this.#files.open(segmentPath(directory, last), 'read')
      try {
        const walk = new SegmentWalk(file, 0)
        const bytes = await file.size()
        let nextOffset = last
        for (let found = await walk.next(bytes); found !== 'end'; found = await walk.next(bytes)) {
          if (!('damagedAt' in found)) nextOffset = found.frame.firstOffset + found.frame.count
          else if (found.resumeAt !== undefined) walk.position = found.resumeAt
          else break
        }
        await file.sync()
        subscription.extend(partition, { segment: last, position: walk.position, nextOffset })
      } finally {
        await file.close()
      }
    }
  }

  #committedOffset(topic: Topic, group: string, partition: number): Promise<CommittedOffset> {
    this.#requireOpen()
    const name = `${topic}/${group}/${partition}`
    let offset = this.#offsets.get(name)
    if (offset === undefined) {
      offset = this.#openCommitted(topic, group, partition)
      this.#offsets.set(name, offset)
      offset.catch(() => this.#offsets.delete(name))
    }
    return offset
  }

  async #openCommitted(topic: Topic, group: string, partition: number): Promise<CommittedOffset> {
    const offset = new CommittedOffset(this.#files, this.#groupDirectory(topic, group), String(partition))
    await offset.open()
    this.#tellCommitted(topic, group, partition, offset.committed)
    return offset
  }

  #groupDirectory(topic: Topic, group: string): string {
    return join(this.#options.directory, topic, 'groups', group)
  }

  async #loadCommitted(topic: Topic): Promise<void> {
    for (const group of await this.#files.list(join(this.#options.directory, topic, 'groups'))) {
      const directory = this.#groupDirectory(topic, group)
      this.#register(topic, group)
      for (const partition of await this.#files.list(directory)) {
        const [offset = -1] = (await readSlotFile(this.#files, join(directory, partition))) ?? []
        this.#onNotice({ kind: 'committed', topic, group, partition: Number(partition), offset })
      }
    }
  }
}
