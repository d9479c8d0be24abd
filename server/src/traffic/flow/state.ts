import { tcpFlag } from '../packet/packet.ts'

/** What is known of a flow in one bit each. */
export const flowBit = {
  /** Side 1 of the key began the conversation. */
  beganBySecond: 1,
  /** The sequence number of side 0 or 1 of the key is known. */
  sequenceOfFirst: 2,
  sequenceOfSecond: 4,
  /** Both directions were heard. */
  answered: 8,
  /** Nobody reads the content any more. */
  contentDone: 16,
  /** A SYN answered by SYN and ACK was seen in full. */
  handshake: 32,
  isClosed: 64,
} as const

/**
 * State of a TCP conversation in Zeek's words (https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html),
 * from the flags each side ever sent. `began` are the flags of whoever began.
 */
export function tcpState(began: number, answered: number, handshake: boolean): string {
  const isEstablished = handshake
  const beganFin = (began & tcpFlag.fin) !== 0
  const answeredFin = (answered & tcpFlag.fin) !== 0
  const beganReset = (began & tcpFlag.rst) !== 0
  const answeredReset = (answered & tcpFlag.rst) !== 0
  if (isEstablished) {
    if (beganReset) return 'RSTO'
    if (answeredReset) return 'RSTR'
    if (beganFin && answeredFin) return 'SF'
    if (beganFin) return 'S2'
    if (answeredFin) return 'S3'
    return 'S1'
  }
  const beganSyn = (began & tcpFlag.syn) !== 0
  const answeredSyn = (answered & tcpFlag.syn) !== 0
  if (beganSyn && answeredReset && !answeredSyn) return 'REJ'
  if (beganSyn && beganReset) return 'RSTOS0'
  if (answeredSyn && answeredReset) return 'RSTRH'
  if (beganSyn && beganFin && !answeredSyn) return 'SH'
  if (!beganSyn && answeredSyn && answeredFin) return 'SHR'
  if (beganSyn && answered === 0) return 'S0'
  return 'OTH'
}

/** The same for transports without a handshake. */
export function datagramState(began: number, answered: number): string {
  return answered > 0 ? (began > 0 ? 'SF' : 'SHR') : 'S0'
}

/** The flags of a side in one text, in the order of their bits: `S`, `FPU`, or `-` where there was none. */
export function flagLetters(flags: number): string {
  const letters = [...'FSRPAU'].filter((_, bit) => (flags >> bit) & 1)
  return letters.length === 0 ? '-' : letters.join('')
}
