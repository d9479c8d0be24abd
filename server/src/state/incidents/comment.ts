import { z } from 'zod'
import { idNumber, noteText, parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { write } from '../write.ts'
import { logActivity } from './change.ts'
import { lockIncident, tellIncident } from './incident.ts'

const commentIncidentInput = z.strictObject({
  id: idNumber,
  text: noteText().refine((text) => text.trim() !== '', 'must not be empty'),
})

export interface Comment {
  id: number
  author: string
  text: string
  createdAt: Date
}

/** Adds a comment; closed incidents take them too. */
export async function commentIncident(
  context: LiveContext,
  input: z.input<typeof commentIncidentInput>,
): Promise<Comment> {
  const { id, text } = parseInput(commentIncidentInput, input)
  const { actor, clock } = context
  const { comment, unitPath } = await write(
    context,
    { action: 'incident.comment', permission: 'incident:write' },
    async (transaction) => {
      const row = await lockIncident(transaction, actor, id)
      const logged = await logActivity(transaction, actor, clock.now(), id, 'comment', { text })
      const comment: Comment = { id: logged.id, author: actor.name, text, createdAt: logged.at }
      const { unitPath } = row
      return { result: { comment, unitPath }, target: `incident:${id}`, unitPath, detail: { comment: logged.id } }
    },
  )
  tellIncident(context, id, unitPath, 'commented')
  return comment
}
