import type { Logger } from 'pino'
import type { Event } from '../../event/event.ts'
import type { EventMatches } from '../../event/match.ts'

/**
 * Detection that outlives a defect of its own: when a batch fails, its events are tried one by one, and those that fail
 * are stored undetected, counted and logged. An event must never hold up the stream.
 */
export function guardDetection(detect: (events: Event[]) => EventMatches[], logger: Logger) {
  let failed = 0
  return {
    detect(events: Event[]): EventMatches[] {
      try {
        return detect(events)
      } catch (error) {
        logger.error({ err: error }, 'detection failed on a batch; its events are tried one by one')
      }
      return events.flatMap((event) => {
        try {
          return detect([event])
        } catch (error) {
          failed++
          logger.error({ err: error, event: event.id }, 'an event could not be examined')
          return []
        }
      })
    },
    failed: () => failed,
  }
}
