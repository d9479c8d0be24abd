import { useQuery } from '@tanstack/react-query'
import { answer, api, type Schemas } from '../../api/client.ts'

const none: Schemas['FieldInfo'][] = []

/** The field catalogue; it changes with the version of the program only. */
export function useFields(): Schemas['FieldInfo'][] {
  const { data } = useQuery({
    queryKey: ['fields'],
    queryFn: () => answer(api.GET('/api/v1/fields')),
    staleTime: Number.POSITIVE_INFINITY,
  })
  return data?.items ?? none
}
