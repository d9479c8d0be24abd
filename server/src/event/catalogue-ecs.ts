import type { FieldType } from './field-type.ts'

/**
 * ECS fields that are not core, by type and first word: names and types of ECS 9.5 without the experimental sets, and `tls.client.ja4`.
 * ECS reuses field sets under many parents (`source.geo.*`, `process.parent.hash.*`): `canonicalName` folds these onto
 * one place, so that the table stays readable. A trailing `[]` marks fields that hold arrays.
 */
const table: Partial<Record<FieldType, string>> = {
  keyword: `
    agent: build.original ephemeral_id id name type version
    as: organization.name
    cloud: account.id account.name availability_zone instance.id instance.name machine.type project.id project.name
      provider region service.name
    code_signature: digest_algorithm flags signing_id status subject_name team_id thumbprint_sha256
    container: id image.name image.tag[] name runtime
    data_stream: dataset namespace type
    device: id manufacturer model.identifier model.name product.id product.name serial_number type vendor.id vendor.name
    dll: name path
    dns: answers.class answers.data answers.name answers.type header_flags[] id op_code question.class question.name
      question.registered_domain question.subdomain question.top_level_domain question.type response_code type
    ecs: version
    elf: architecture byte_order cpu_type import_hash telfhash
    email: attachments.file.extension attachments.file.mime_type attachments.file.name bcc.address[] cc.address[]
      content_type direction from.address[] local_id message_id reply_to.address[] sender.address subject to.address[]
      x_mailer
    error: code id stack_trace type
    event: action agent_id_status category[] code dataset hash kind module outcome provider reason reference timezone
      type[] url
    faas: execution id name trigger.request_id trigger.type version
    file: attributes[] device directory drive_letter extension fork_name gid group inode mime_type mode name owner path
      target_path type uid origin_referrer_url origin_url
    geo: city_name continent_code continent_name country_iso_code country_name location name postal_code region_iso_code
      region_name timezone
    group: domain id name
    hash: cdhash md5 sha1 sha256 sha384 sha512 ssdeep tlsh
    host: architecture boot.id domain hostname id mac[] name pid_ns_ino type
    http: request.body.content request.id request.method request.mime_type request.referrer response.body.content
      response.mime_type version
    interface: alias id name
    log: file.path level logger origin.file.name origin.function syslog.appname syslog.facility.name syslog.hostname
      syslog.msgid syslog.procid syslog.severity.name syslog.version
    macho: import_hash symhash
    network: application community_id direction iana_number name protocol transport type inner.vlan.id inner.vlan.name
    observer: egress.zone hostname ingress.zone mac[] name product serial_number type vendor version
    organization: id name
    os: family full kernel name platform type version
    package: architecture build_version checksum description install_scope license name path reference type version
    pe: architecture company description file_version imphash import_hash original_file_name pehash product
    process: args[] command_line entity_id env_vars[] executable name thread.capabilities.effective[]
      thread.capabilities.permitted[] thread.name title tty working_directory io.type
    registry: data.bytes data.strings[] data.type hive key path value
    related: hash[] hosts[] user[]
    risk: calculated_level static_level
    rule: author[] category description id license name reference ruleset uuid version
    service: address environment ephemeral_id id name node.name node.role node.roles[] state type version
    source: address domain mac registered_domain subdomain top_level_domain
    span: id
    threat: enrichments.matched.atomic enrichments.matched.field enrichments.matched.id enrichments.matched.index
      enrichments.matched.type feed.dashboard_id feed.description feed.name feed.reference framework group.alias[]
      group.reference indicator.confidence indicator.description indicator.email.address indicator.id[]
      indicator.marking.tlp indicator.marking.tlp_version indicator.name indicator.provider indicator.reference
      indicator.type software.alias[] software.id software.name software.platforms[] software.reference software.type
      tactic.id[] tactic.name[] tactic.reference[] technique.id[] technique.name[] technique.reference[]
      technique.subtechnique.id[] technique.subtechnique.name[] technique.subtechnique.reference[]
    tls: cipher client.certificate client.certificate_chain[] client.issuer client.ja3 client.ja4 client.server_name client.subject
      client.supported_ciphers[] curve next_protocol server.certificate server.certificate_chain[] server.issuer
      server.ja3s server.subject version version_protocol
    trace: id
    transaction: id
    url: domain extension fragment full original password path query registered_domain scheme subdomain
      top_level_domain username
    user: domain email full_name hash id name roles[]
    user_agent: device.name name original version
    vlan: id name
    volume: bus_type default_access device_name device_type dos_name file_system_type mount_name nt_name product_id
      product_name serial_number vendor_id vendor_name
    vulnerability: category[] classification description enumeration id reference report_id scanner.vendor
      score.version severity status
    x509: alternative_names[] issuer.common_name[] issuer.country[] issuer.distinguished_name issuer.locality[]
      issuer.organization[] issuer.organizational_unit[] issuer.state_or_province[] public_key_algorithm
      public_key_curve serial_number signature_algorithm subject.common_name[] subject.country[]
      subject.distinguished_name subject.locality[] subject.organization[] subject.organizational_unit[]
      subject.state_or_province[] version_number`,
  long: `
    as: number
    container: disk.read.bytes disk.write.bytes network.egress.bytes network.ingress.bytes
    dns: answers.ttl
    email: attachments.file.size
    event: duration sequence severity
    file: size
    host: disk.read.bytes disk.write.bytes network.egress.bytes network.egress.packets network.ingress.bytes
      network.ingress.packets uptime
    http: request.body.bytes request.bytes response.body.bytes response.bytes response.status_code
    log: origin.file.line syslog.facility.code syslog.priority syslog.severity.code
    network: bytes packets
    package: size
    process: args_count exit_code pid thread.id tty.char_device.major tty.char_device.minor tty.columns tty.rows uptime
      vpid
    source: bytes nat.port packets port
    threat: indicator.port indicator.scanner_stats indicator.sightings
    url: port
    volume: size
    x509: public_key_exponent public_key_size`,
  boolean: `
    code_signature: exists trusted valid
    container: security_context.privileged
    faas: coldstart
    process: interactive same_as_process
    tls: established resumed
    volume: removable writable`,
  date: `
    code_signature: timestamp
    email: delivery_timestamp origination_timestamp
    event: created end start
    file: accessed created ctime mtime
    package: installed
    process: end start
    threat: enrichments.matched.occurred indicator.first_seen indicator.last_seen indicator.modified_at
    tls: client.not_after client.not_before server.not_after server.not_before
    x509: not_after not_before`,
  double: `
    container: cpu.usage memory.usage
    event: risk_score risk_score_norm
    host: cpu.usage
    risk: calculated_score calculated_score_norm static_score static_score_norm
    vulnerability: score.base score.environmental score.temporal`,
  ip: `
    dns: resolved_ip[]
    host: ip[]
    network: forwarded_ip
    observer: ip[]
    related: ip[]
    source: ip nat.ip
    threat: indicator.ip`,
}

interface EcsField {
  type: FieldType
  array: boolean
}

const ecsFields = new Map<string, EcsField>()
for (const [type, text] of Object.entries(table)) {
  let set = ''
  for (const word of text.trim().split(/\s+/)) {
    if (word.endsWith(':')) set = word.slice(0, -1)
    else ecsFields.set(`${set}.${word.replace('[]', '')}`, { type: type as FieldType, array: word.endsWith('[]') })
  }
}

/** Where ECS reuses a field set under another parent, the same set at its own place. */
const reuses: [pattern: RegExp, replacement: string][] = [
  [/^process\.(?:(?:parent|group_leader|session_leader|entry_leader|previous|responsible)\.)+/, 'process.'],
  [
    /^(?:process|source|client|destination|server|host)\.(?:.*\.)?(?:user|real_user|saved_user|attested_user)\./,
    'user.',
  ],
  [/^(?:.*\.)?(?:group|real_group|saved_group|supplemental_groups|attested_groups)\.(?=(?:id|name|domain)$)/, 'group.'],
  [/^user\.(?:changes|effective|target)\./, 'user.'],
  [/^(cloud|service)\.(?:origin|target)\./, '$1.'],
  [/^host\.target\./, 'host.'],
  [/^threat\.enrichments\.indicator\./, 'threat.indicator.'],
  [/^threat\.indicator\.(?=(?:file|url|x509|registry|as|geo)\.)/, ''],
  [/^(?:client|server|destination)\./, 'source.'],
  [/^.*\.(?=(?:geo|as|os|hash|pe|elf|macho|code_signature|x509|vlan|interface|risk)\.)/, ''],
]

/** Type of an ECS field wherever ECS allows its set to stand; undefined when there is none of that name. */
export function ecsFieldType(name: string): EcsField | undefined {
  const known = ecsFields.get(name)
  if (known) return known
  let canonical = name
  for (const [pattern, replacement] of reuses) canonical = canonical.replace(pattern, replacement)
  return canonical === name ? undefined : ecsFields.get(canonical)
}

/** All names at their own place, for suggestions when a name is refused. */
export function ecsFieldNames(): string[] {
  return [...ecsFields.keys()]
}
