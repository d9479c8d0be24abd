import { NotUnderstood, type Run } from '../run.ts'
import { canonicalWindowsEvent, classicPowerShellFields } from './windows-event.ts'
import { zeekPath } from './zeek-path.ts'

/** Functions that turn a record into the names its parser file uses, by the name the file gives under `prepare`. */
export const prepareFunctions: Readonly<Record<string, (run: Run) => void>> = {
  'windows-event': (run) => {
    const canonical = canonicalWindowsEvent(run.source)
    if (!canonical) throw new NotUnderstood('not a Windows event')
    const winlog = canonical.winlog as Record<string, unknown>
    const data = winlog.event_data as Record<string, unknown> | undefined
    if (winlog.channel === 'Windows PowerShell' && data?.Data !== undefined) {
      winlog.event_data = { ...classicPowerShellFields(data.Data, String(winlog.event_id)), ...data }
    }
    run.source = canonical
  },
  'zeek-path': (run) => {
    run.source._path = zeekPath(run.source)
  },
}
