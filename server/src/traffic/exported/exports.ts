import { u16be } from '../../lib/binary.ts'
import { recordLine } from '../event.ts'
import { joinDirections, recordOfFlow } from './exported-flow.ts'
import { NetflowReader } from './netflow.ts'
import { SflowReader } from './sflow.ts'

/** NetFlow v5 and v9, IPFIX and sFlow v5 at one port: the first bytes of a datagram say which it is. */
export class FlowExports {
  private readonly netflow = new NetflowReader()
  private readonly sflow = new SflowReader()
  /** Datagrams of none of them. */
  private unknown = 0

  /** Records of a datagram, as lines of ECS JSON. */
  lines(bytes: Buffer, sender: string, receivedMs: number): string[] {
    if (SflowReader.reads(bytes)) {
      const exporter = { address: sender, product: 'sFlow v5' }
      return this.sflow.take(bytes, sender, receivedMs * 1e3).map((flow) => recordLine(recordOfFlow(flow, exporter)))
    }
    if (NetflowReader.reads(bytes)) {
      const version = u16be(bytes, 0)
      const exporter = { address: sender, product: version === 10 ? 'IPFIX' : `NetFlow v${version}` }
      return joinDirections(this.netflow.take(bytes, sender)).map((flow) => recordLine(recordOfFlow(flow, exporter)))
    }
    this.unknown++
    return []
  }

  /** Since the start; losses are by the numbers of the exporters. */
  counters() {
    const { netflow, sflow } = this
    return {
      flowDatagrams: netflow.counters.datagrams + sflow.counters.datagrams,
      flowsExported: netflow.counters.flows + sflow.counters.samples,
      flowDatagramsUnknown: this.unknown,
      flowDatagramsDamaged: netflow.counters.damaged + sflow.counters.damaged,
      flowSetsWithoutTemplate: netflow.counters.withoutTemplate,
      flowExportsLost: netflow.counters.lost + sflow.counters.lost,
    }
  }
}
