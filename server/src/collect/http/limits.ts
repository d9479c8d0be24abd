/** Bounds of one ingest request. */
export const ingestLimits = {
  /** Body after decompression. */
  bodyBytes: 32 << 20,
  records: 100_000,
  /** One record; a longer one refuses the request, which the sender can see and correct. */
  recordBytes: 4 << 20,
  nameBytes: 255,
} as const
