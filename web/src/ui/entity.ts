import type { Schemas } from '../api/client.ts'

/** Field names that lead from an entity to its events. */
export const fieldOfEntity: Record<Schemas['Entity']['type'], string> = {
  host: 'host.name',
  user: 'user.name',
  ip: 'source.ip',
  domain: 'dns.question.name',
  process: 'process.name',
  file: 'file.path',
  url: 'url.full',
}
