/** What is worth showing of an event: the name it is shown by, and the fields it may stand in (ECS first, then the names Sigma uses). */
const fieldsShown: [name: string, ...fields: string[]][] = [
  ['host', 'host.name', 'winlog.computer_name', 'Computer', 'ComputerName', 'hostname'],
  ['channel', 'winlog.channel', 'Channel', 'event.dataset'],
  ['eventId', 'winlog.event_id', 'EventID', 'event.code'],
  ['recordId', 'winlog.record_id', 'EventRecordID'],
  ['user', 'user.name', 'User', 'TargetUserName', 'SubjectUserName', 'winlog.event_data.TargetUserName'],
  ['source', 'source.ip', 'IpAddress', 'SourceIp', 'src_ip', 'id.orig_h', 'c-ip'],
  ['destination', 'destination.ip', 'DestinationIp', 'dst_ip', 'id.resp_h', 'destination.domain'],
  ['process', 'process.executable', 'Image', 'NewProcessName', 'process.name', 'exe'],
  ['commandLine', 'process.command_line', 'CommandLine'],
  ['parent', 'process.parent.executable', 'ParentImage', 'ParentProcessName'],
  ['file', 'file.path', 'TargetFilename', 'ImageLoaded'],
  ['registry', 'registry.path', 'TargetObject'],
  ['service', 'service.name', 'ServiceName', 'winlog.event_data.ServiceName'],
  ['script', 'powershell.file.script_block_text', 'ScriptBlockText'],
  ['url', 'url.original', 'url.full', 'c-uri', 'uri'],
  ['query', 'dns.question.name', 'QueryName', 'query'],
]
const textLimit = 1_024

/** The fields of an event that a reader of a match looks for, by short names and in one order. */
export function shownFields(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  const shown: Record<string, string> = {}
  for (const [name, ...places] of fieldsShown) {
    for (const place of places) {
      const value = fields[place]
      if (value === undefined || value === null || value === '' || value === '-' || typeof value === 'object') continue
      shown[name] = String(value).slice(0, textLimit)
      break
    }
  }
  return shown
}
