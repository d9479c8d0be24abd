/** Sorts like the place on the bus: partition, then offset. */
export function eventId(partition: number, offset: number): string {
  return `${partition.toString(36)}-${sortable(offset)}`
}

/** The place on the bus that an event's id was made of. */
export function placeOfEvent(id: string): { partition: number; offset: number } {
  const [partition = '', offset = ''] = id.split('-', 2)
  return { partition: Number.parseInt(partition, 36), offset: Number.parseInt(offset.slice(1), 36) }
}

/** Id of a further event of the same record, by its place in it; the first has the record's own. */
export function partId(recordId: string, index: number): string {
  return index === 0 ? recordId : `${recordId}-${sortable(index)}`
}

/** Base 36 with its length in front, so that texts sort as the numbers do. */
function sortable(number: number): string {
  const digits = number.toString(36)
  return digits.length.toString(36) + digits
}
