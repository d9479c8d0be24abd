/** Signatures at fixed offsets: the formats' own documents. */
const signatures: [offset: number, signature: string, mimeType: string][] = [
  [0, 'MZ', 'application/x-dosexec'],
  [0, '\x7fELF', 'application/x-executable'],
  [0, '\xca\xfe\xba\xbe', 'application/x-java-applet'],
  [0, '\xcf\xfa\xed\xfe', 'application/x-mach-o-executable'],
  [0, '\xce\xfa\xed\xfe', 'application/x-mach-o-executable'],
  [0, 'PK\x03\x04', 'application/zip'],
  [0, 'PK\x05\x06', 'application/zip'],
  [0, 'Rar!\x1a\x07', 'application/x-rar-compressed'],
  [0, "7z\xbc\xaf'\x1c", 'application/x-7z-compressed'],
  [0, '\x1f\x8b', 'application/gzip'],
  [0, 'BZh', 'application/x-bzip2'],
  [0, '\xfd7zXZ\0', 'application/x-xz'],
  [0, 'MSCF', 'application/vnd.ms-cab-compressed'],
  [257, 'ustar', 'application/x-tar'],
  [0, '%PDF-', 'application/pdf'],
  [0, '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'application/x-ole-storage'],
  [0, '{\\rtf', 'text/rtf'],
  [0, '\x89PNG\r\n\x1a\n', 'image/png'],
  [0, 'GIF8', 'image/gif'],
  [0, '\xff\xd8\xff', 'image/jpeg'],
  [0, 'BM', 'image/bmp'],
  [0, '\0\0\x01\0', 'image/x-icon'],
  [0, 'FWS', 'application/x-shockwave-flash'],
  [0, 'CWS', 'application/x-shockwave-flash'],
  [0, 'wOFF', 'font/woff'],
  [0, 'wOF2', 'font/woff2'],
  [0, 'OggS', 'audio/ogg'],
  [0, 'ID3', 'audio/mpeg'],
  [4, 'ftyp', 'video/mp4'],
  [0, '\x1aE\xdf\xa3', 'video/webm'],
  [0, '\x4c\0\0\0\x01\x14\x02\0', 'application/x-ms-shortcut'],
  [0, 'SQLite format 3\0', 'application/x-sqlite3'],
  [0, '#!', 'text/x-shellscript'],
  [0, '<?php', 'text/x-php'],
  [0, '-----BEGIN ', 'application/x-pem'],
  [0, 'ITSF\x03\0', 'application/vnd.ms-htmlhelp'],
  [0, '!<arch>\ndebian', 'application/vnd.debian.binary-package'],
  [0, '\xed\xab\xee\xdb', 'application/x-rpm'],
]

const riffTypes = new Map([
  ['WEBP', 'image/webp'],
  ['WAVE', 'audio/wav'],
  ['AVI ', 'video/x-msvideo'],
])

/** The type of a file by its first bytes, as far as they tell; undefined for what has no signature and is no text. */
export function mimeTypeOf(head: Buffer): string | undefined {
  const first = head.subarray(0, 512).toString('latin1')
  for (const [offset, signature, mimeType] of signatures) if (first.startsWith(signature, offset)) return mimeType
  if (first.startsWith('RIFF')) return riffTypes.get(first.slice(8, 12))
  if (first.length === 0 || isBinary(head)) return undefined
  const text = first.trimStart().toLowerCase()
  if (/^<!doctype html|^<html|^<head|^<body/.test(text)) return 'text/html'
  if (text.startsWith('<?xml') || text.startsWith('<soap')) return 'text/xml'
  if (text.startsWith('<svg')) return 'image/svg+xml'
  if (/^[[{]/.test(text) && /["\]}]/.test(text)) return 'application/json'
  return 'text/plain'
}

function isBinary(head: Buffer): boolean {
  for (let at = 0; at < head.length && at < 4_096; at++) {
    const octet = head[at]!
    if (octet < 9 || (octet > 13 && octet < 32 && octet !== 27)) return true
  }
  return false
}
