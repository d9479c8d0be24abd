import { type Context, write } from '../write.ts'

/** Records that packets of a conversation are taken out, and of which, before the first of them is. Throws FORBIDDEN. */
export async function auditPacketRead(
  context: Context,
  { target, unitPath, detail }: { target: string; unitPath: string; detail: Record<string, unknown> },
): Promise<void> {
  await write(context, { action: 'packet.read', permission: 'packet:read' }, async () => ({
    result: undefined,
    target,
    unitPath,
    detail,
  }))
}
