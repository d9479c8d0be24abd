import { createHash, X509Certificate } from 'node:crypto'
import type { Fields } from '../../event/event.ts'

const cacheLimit = 4_096
const nameLimit = 32

const known = new Map<string, Fields | undefined>()

/** ECS fields of a DER certificate, under `tls.server.` or `tls.client.`; undefined when it cannot be read. */
export function certificateFields(der: Uint8Array, prefix: 'tls.server' | 'tls.client'): Fields | undefined {
  const sha256 = createHash('sha256').update(der).digest('hex')
  const key = prefix + sha256
  if (known.has(key)) return known.get(key)
  const fields = readCertificate(der, prefix, sha256)
  if (known.size >= cacheLimit) known.delete(known.keys().next().value!)
  known.set(key, fields)
  return fields
}

function readCertificate(der: Uint8Array, prefix: string, sha256: string): Fields | undefined {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(der)
  } catch {
    // Damaged, or of a form OpenSSL refuses: the fingerprint is still told.
    return { [`${prefix}.hash.sha256`]: sha256.toUpperCase() }
  }
  const subject = distinguishedName(certificate.subject)
  const issuer = distinguishedName(certificate.issuer)
  const fields: Fields = {
    [`${prefix}.hash.sha256`]: sha256.toUpperCase(),
    [`${prefix}.hash.sha1`]: certificate.fingerprint.replaceAll(':', ''),
    [`${prefix}.subject`]: subject,
    [`${prefix}.issuer`]: issuer,
    [`${prefix}.x509.subject.distinguished_name`]: subject,
    [`${prefix}.x509.issuer.distinguished_name`]: issuer,
    [`${prefix}.x509.serial_number`]: certificate.serialNumber,
    [`${prefix}.x509.public_key_algorithm`]: keyType(certificate),
    'traffic.tls.self_signed': certificate.subject === certificate.issuer,
  }
  for (const [name, text] of [
    ['not_before', certificate.validFrom],
    ['not_after', certificate.validTo],
  ] as const) {
    const timeMs = Date.parse(text)
    if (!Number.isNaN(timeMs)) fields[`${prefix}.${name}`] = new Date(timeMs).toISOString()
  }
  const common = /(?:^|\n)CN=(.*)/.exec(certificate.subject)?.[1]
  if (common !== undefined) fields[`${prefix}.x509.subject.common_name`] = common
  const names = (certificate.subjectAltName ?? '').split(', ').filter((name) => name !== '')
  if (names.length > 0) {
    fields[`${prefix}.x509.alternative_names`] = names
      .slice(0, nameLimit)
      .map((name) => name.replace(/^(DNS|IP Address|URI|email):/, ''))
  }
  return fields
}

/** A key of a kind that OpenSSL does not know is no reason to lose the certificate. */
function keyType(certificate: X509Certificate): string {
  try {
    return certificate.publicKey.asymmetricKeyType ?? 'unknown'
  } catch {
    return 'unknown'
  }
}

/** One line, as RFC 4514 writes names, most specific part first. */
function distinguishedName(lines: string | undefined): string {
  return (lines ?? '').split('\n').reverse().join(', ')
}
