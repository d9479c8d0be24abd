import { z } from 'zod'

const total = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const isoTime = z.iso.datetime({ offset: true })

export const sensorReport = z.object({
  version: z.string().max(50),
  interface: z.string().max(100).nullable(),
  filter: z.string().max(1_000).nullable(),
  startedAt: isoTime,
  packets: total,
  wireBytes: total,
  packetsPerSecond: z.number().min(0).max(1e12),
  bytesPerSecond: z.number().min(0).max(1e15),
  lostPackets: total.describe('Lost by the capturer, by its own count.'),
  cutPackets: total.describe('Cut by the snap length.'),
  lostRecords: total.describe('Given up because the platform did not take them.'),
  openFlows: total,
  evictedFlows: total,
  failures: total.describe('Conversations whose content could not be read.'),
  ring: z
    .object({
      bytes: total,
      limitBytes: total,
      oldestAt: isoTime.nullable(),
      evictedPackets: total,
      lostPackets: total,
    })
    .nullable()
    .describe('The packets it keeps; null when it keeps none.'),
})

export const sensor = sensorReport
  .extend({
    id: z.string(),
    sourceKey: z.string(),
    name: z.string(),
    unitPath: z.string(),
    firstReportAt: z.date(),
    lastReportAt: z.date(),
    isSilent: z.boolean().describe('It has not reported for a minute.'),
  })
  .meta({ id: 'Sensor' })

export const packetQuestion = z.object({
  id: z.string(),
  selections: z.array(
    z.object({
      endpoints: z.object({
        protocol: z.number().int(),
        source: z.string(),
        destination: z.string(),
        sourcePort: z.number().int(),
        destinationPort: z.number().int(),
      }),
      fromUs: z.number().optional(),
      toUs: z.number().optional(),
      aroundUs: z.number().optional(),
    }),
  ),
})

export const host = z
  .object({
    id: z.number().int(),
    unitPath: z.string(),
    address: z.string(),
    firstSeenAt: z.date(),
    lastSeenAt: z.date(),
    facts: z.array(
      z.object({
        kind: z.string().describe('`mac`, `name`, `os`, `service`, `software`, `certificate`, `user_agent` or `syn`.'),
        value: z.string(),
        origin: z.string().describe('Where it was read: `arp`, `dhcp`, `http.user_agent`, …'),
        count: z.number().int(),
        firstSeenAt: z.date(),
        lastSeenAt: z.date(),
        vendor: z.string().nullable().describe('Of a link address, by the register of the IEEE.'),
      }),
    ),
  })
  .meta({ id: 'Host' })
