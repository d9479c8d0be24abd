const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Guesses from one address that end in a sign-in and a root shell, in the seconds before `endMs`, as sshd and sudo write them (UTC). */
export function sshIntrusion(endMs: number, { address, host }: { address: string; host: string }): string[] {
  const texts = Array.from(
    { length: 12 },
    (_, index) => `sshd[2211]: Failed password for root from ${address} port ${40_000 + index} ssh2`,
  )
  texts.push(`sshd[2211]: Accepted password for root from ${address} port 40100 ssh2`)
  texts.push('sudo[2212]:     root : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/bash')
  return texts.map((text, index) => `<86>${stamp(endMs - (texts.length - index) * 1000)} ${host} ${text}`)
}

/** `Nov  3 04:05:06`, the time of RFC 3164. */
function stamp(ms: number): string {
  const at = new Date(ms)
  return `${months[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)} ${at.toISOString().slice(11, 19)}`
}
