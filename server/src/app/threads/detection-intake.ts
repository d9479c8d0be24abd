import { type Correlator, correlateGroup } from '../../correlate/correlate.ts'
import type { Bus, Subscriber } from '../../seams/bus/bus.ts'

/**
 * bus `detections` -> incidents. Where the stream goes on stands in the state store, in one transaction with the incidents;
 * what is committed there and not yet on the bus, because the end came in between, is committed at the next start.
 */
export function createDetectionIntake(bus: Pick<Bus, 'commit'>, correlator: Correlator): Subscriber {
  return {
    batchSize: 1_000,
    async onAssign(partition, committedOffset) {
      const resumeAfter = await correlator.resumeAfter(partition)
      if (resumeAfter !== undefined && resumeAfter > committedOffset)
        await bus.commit('detections', correlateGroup, partition, resumeAfter)
      return resumeAfter
    },
    async onBatch(batch) {
      await correlator.handle(batch)
      await bus.commit('detections', correlateGroup, batch.partition, batch.last)
    },
  }
}
