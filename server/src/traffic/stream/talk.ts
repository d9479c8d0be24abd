import type { Fields } from '../../event/event.ts'
import type { Inspector } from '../inspect.ts'
import type { ReportWeird } from '../packet/weird.ts'
import type { Emit, Endpoints, Side } from '../record.ts'
import type {
  Conversation,
  DatagramDissector,
  DatagramProtocol,
  FileOrigin,
  FileSink,
  FirstBytes,
  Recognition,
  StreamDissector,
  StreamProtocol,
} from './conversation.ts'
import { type OrderedBytes, TcpSide } from './tcp-side.ts'

/** First bytes of a side that are kept while its protocol is not known. */
const firstBytesLimit = 4_096
/** Datagrams that are looked at before a conversation counts as unknown. */
const datagramTries = 4

interface EarlyPiece {
  side: Side
  bytes: Uint8Array
}

/** Most conversations are known by their first bytes and keep none. */
const noPieces: EarlyPiece[] = []

/** What all talks of a sensor share. */
export interface TalkSurroundings {
  streams: readonly StreamProtocol[]
  datagrams: readonly DatagramProtocol[]
  emit: Emit
  weird(name: string, detail: string | undefined, endpoints: Endpoints): void
  openFile(talk: Talk, about: FileOrigin): FileSink
  /** A dissector threw: a mistake of ours, which may cost this conversation its content but not the sensor its life. */
  failed(error: unknown, talk: Talk): void
  /** Rules that look at bytes, where there are any. */
  inspector?: Inspector | undefined
}

/** A flow that speaks: what it says is put in order, its protocol found, and read. */
export class Talk implements Conversation, OrderedBytes {
  readonly transport: 'tcp' | 'udp' | 'icmp' | 'sctp'
  readonly ports: readonly [number, number]
  /** Addresses, ports, transport and community id, which every record of the conversation carries. */
  readonly endpoints: Endpoints
  protocol = ''
  /** True when nobody wants to read on. */
  isDone = false
  /** By side: the one that began, then the other. */
  readonly sides: [TcpSide | undefined, TcpSide | undefined] = [undefined, undefined]
  private stream: StreamDissector | undefined
  private datagramDissector: DatagramDissector | undefined
  /** What came before the protocol was known, in the order in which it came. */
  private early: EarlyPiece[] = noPieces
  private earlyBytes = 0
  private tries = 0
  private timeUs = 0
  private readonly surroundings: TalkSurroundings

  constructor(
    transport: Talk['transport'],
    ports: readonly [number, number],
    endpoints: Endpoints,
    surroundings: TalkSurroundings,
  ) {
    this.transport = transport
    this.ports = ports
    this.endpoints = endpoints
    this.surroundings = surroundings
  }

  emit(dataset: string, timeUs: number, fields: Fields): void {
    fields['network.protocol'] = this.protocol
    this.surroundings.emit({ dataset, timeUs, endpoints: this.endpoints, fields })
  }

  readonly weird: ReportWeird = (name, detail) => this.surroundings.weird(name, detail, this.endpoints)

  setProtocol(name: string): void {
    this.protocol = name
  }

  openFile(about: FileOrigin): FileSink {
    return this.surroundings.openFile(this, about)
  }

  restart(): void {
    this.stream = undefined
    this.early = noPieces
    this.earlyBytes = 0
  }

  /** The ordered bytes of one side; made when the side first speaks. */
  side(side: Side, next: number): TcpSide {
    const known = this.sides[side]
    if (known) return known
    const made = new TcpSide(next, side, this)
    this.sides[side] = made
    return made
  }

  segment(
    side: Side,
    sequence: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    cutBytes: number,
    timeUs: number,
  ) {
    this.timeUs = timeUs
    this.side(side, sequence).segment(sequence, bytes, start, end, cutBytes)
  }

  ordered(side: Side, bytes: Uint8Array, start: number, end: number): void {
    this.surroundings.inspector?.stream(this, side, bytes, start, end, this.timeUs)
    try {
      this.streamData(side, bytes, start, end)
    } catch (error) {
      this.fail(error)
    }
  }

  missing(side: Side, length: number): void {
    try {
      this.streamGap(side, length)
    } catch (error) {
      this.fail(error)
    }
  }

  private streamData(side: Side, bytes: Uint8Array, start: number, end: number): void {
    if (this.isDone) return
    const { stream } = this
    if (!stream) {
      this.findStream(side, bytes, start, end)
      return
    }
    // A dissector that asks to restart has read what it was given up to here; what follows is another protocol's.
    if (!stream.data(side, bytes, start, end, this.timeUs) && this.stream === stream) this.finishReading()
  }

  private streamGap(side: Side, length: number): void {
    if (this.isDone) return
    if (!this.stream) {
      // The beginning is missing: what follows may still be recognised.
      this.early = this.early.filter((piece) => piece.side !== side)
      return
    }
    if (!this.stream.gap(side, length, this.timeUs)) this.finishReading()
  }

  private findStream(side: Side, bytes: Uint8Array, start: number, end: number): void {
    const mine = this.early.length === 0 ? noPieces : this.early.filter((piece) => piece.side === side)
    const first: FirstBytes = { side, bytes, start, end, ports: this.ports }
    if (mine.length > 0) {
      const joined = Buffer.concat([...mine.map((piece) => piece.bytes), bytes.subarray(start, end)])
      Object.assign(first, { bytes: joined, start: 0, end: joined.length })
    }
    let mayFollow = false
    for (const protocol of this.surroundings.streams) {
      const answer: Recognition = protocol.recognise(first)
      if (answer === 'yes') {
        this.begin(protocol, side, bytes, start, end)
        return
      }
      if (answer === 'more') mayFollow = true
    }
    // The other side may be the one that says who they are, so a first "no" is not the end.
    const bothSpoke = this.early.some((piece) => piece.side !== side)
    this.earlyBytes += end - start
    if ((bothSpoke && !mayFollow) || this.earlyBytes > firstBytesLimit) this.finishReading()
    else this.early = [...this.early, { side, bytes: bytes.slice(start, end) }]
  }

  private begin(protocol: StreamProtocol, side: Side, bytes: Uint8Array, start: number, end: number): void {
    const { early } = this
    this.early = noPieces
    this.protocol = protocol.name
    this.stream = protocol.create(this)
    for (const piece of early) this.streamData(piece.side, piece.bytes, 0, piece.bytes.length)
    this.streamData(side, bytes, start, end)
  }

  datagram(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    this.timeUs = timeUs
    try {
      this.readDatagram(side, bytes, start, end)
    } catch (error) {
      this.fail(error)
    }
  }

  private readDatagram(side: Side, bytes: Uint8Array, start: number, end: number): void {
    if (!this.datagramDissector) {
      const first: FirstBytes = { side, bytes, start, end, ports: this.ports }
      const protocol = this.surroundings.datagrams.find((candidate) => candidate.recognise(first) === 'yes')
      if (!protocol) {
        if (++this.tries >= datagramTries) this.finishReading()
        return
      }
      this.protocol = protocol.name
      this.datagramDissector = protocol.create(this)
    }
    if (!this.datagramDissector.datagram(side, bytes, start, end, this.timeUs)) this.finishReading()
  }

  private finishReading(): void {
    const { stream, datagramDissector } = this
    this.stream = undefined
    this.datagramDissector = undefined
    this.early = noPieces
    this.isDone = true
    stream?.end(this.timeUs)
    datagramDissector?.end(this.timeUs)
  }

  private fail(error: unknown): void {
    this.stream = undefined
    this.datagramDissector = undefined
    this.early = noPieces
    this.isDone = true
    this.surroundings.failed(error, this)
  }

  /** The flow is over: what waits is delivered, what is half read is told. */
  close(timeUs: number): void {
    const { inspector } = this.surroundings
    if (this.isDone) {
      inspector?.end(this, timeUs)
      return
    }
    this.timeUs = timeUs
    for (const side of this.sides) side?.finish()
    inspector?.end(this, timeUs)
    try {
      if (!this.isDone) this.finishReading()
    } catch (error) {
      this.fail(error)
    }
  }
}
