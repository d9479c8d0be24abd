/**
 * What ordinary logs are full of, lower-cased: a needle or a piece of one that stands here says little. It only steers
 * which necessary condition of a rule is looked for first; verdicts do not depend on it.
 */
const ordinaryText = [
  'c:\\windows\\system32\\svchost.exe -k netsvcs -p -s schedule',
  'c:\\windows\\syswow64\\ c:\\windows\\explorer.exe c:\\windows\\system32\\services.exe',
  '\\cmd.exe \\powershell.exe \\pwsh.exe \\rundll32.exe \\regsvr32.exe \\conhost.exe 0xffffffff -forcev1 \\wmiprvse.exe',
  '\\taskhostw.exe \\dllhost.exe \\lsass.exe \\winlogon.exe \\csrss.exe \\wscript.exe \\cscript.exe \\mshta.exe \\msiexec.exe',
  '\\reg.exe \\schtasks.exe \\net.exe \\net1.exe \\sc.exe \\wmic.exe \\msedge.exe \\chrome.exe \\firefox.exe \\outlook.exe \\winword.exe',
  'c:\\program files\\ c:\\program files (x86)\\ \\google\\chrome\\application\\ \\mozilla firefox\\ \\microsoft office\\root\\office16\\',
  'c:\\users\\public\\ c:\\users\\administrator\\appdata\\local\\temp\\ \\appdata\\roaming\\microsoft\\ c:\\programdata\\microsoft\\',
  'hklm\\software\\microsoft\\windows\\currentversion\\run hkcu\\software\\ hklm\\system\\currentcontrolset\\services\\ hkey_local_machine',
  '.exe .dll .sys .ps1 .bat .vbs .tmp .txt .log .xml .json .html .php .docx .zip .com .net .org .lnk',
  ' /c " -type= --type=renderer --channel= -contentproc \\device\\harddiskvolume nt authority\\system network service local service',
  'microsoft windows operating system corporation microsoft-windows-sysmon/operational security system application',
  'http:// https:// www. localhost 127.0.0.1 192.168. 10.0. get post index.php mozilla/5.0 (windows nt 10.0; win64; x64)',
  'applewebkit/537.36 (khtml, like gecko) chrome/ safari/537.36 curl/ user root admin administrator null true false none',
  '/usr/bin/ /usr/sbin/ /bin/bash /bin/sh /etc/ /var/log/ /tmp/ /home/ python3 sudo sshd systemd cron',
  'sha256= md5= sha1= imphash= s-1-5-18 high medium low system user name process message account event information',
].join('\n')

/** True when ordinary logs are expected to hold the text. */
function isOrdinary(text: string): boolean {
  return ordinaryText.includes(text)
}

const ordinaryByLength = [0.9, 0.6, 0.3, 0.12, 0.05, 0.02, 0.01, 0.006, 0.003]

/** A guess of the share of values that hold the text. */
export function textFrequency(text: string, operator: 'equals' | 'startswith' | 'endswith' | 'contains'): number {
  const byLength = ordinaryByLength[Math.min(text.length, ordinaryByLength.length - 1)]! / (text.length > 16 ? 3 : 1)
  if (operator === 'equals') return isOrdinary(text) ? 0.05 : 0.002
  return isOrdinary(text) ? Math.max(byLength, operator === 'contains' ? 0.15 : 0.05) : byLength
}

/** Characters in a gram. */
export const gramLength = 4

/** The four characters that begin at `from`, in 32 bits: each shifts the one before by eight; what is wider mixes in. */
export function gramKey(text: string, from: number): number {
  let key = 0
  for (let i = from; i < from + gramLength; i++) key = (key << 8) ^ text.charCodeAt(i)
  return key
}

const ordinaryGrams = new Set<number>()
for (let i = 0; i + gramLength <= ordinaryText.length; i++) ordinaryGrams.add(gramKey(ordinaryText, i))

/** True when ordinary logs are expected to hold the gram. */
export function isOrdinaryGram(key: number): boolean {
  return ordinaryGrams.has(key)
}
