const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (value: number) => String(value).padStart(2, '0')

/** `{{syslog+90}}` and its like become the time 90 s after `startMs`, in UTC: RFC 3164, common log format, ISO, epoch. */
export function render(text: string, startMs: number): string {
  return text.replace(/\{\{(syslog|clf|iso|epoch)\+(\d+)\}\}/g, (_, kind: keyof typeof formats, seconds: string) =>
    formats[kind](new Date(Math.floor(startMs / 1000) * 1000 + Number(seconds) * 1000)),
  )
}

const formats = {
  syslog: (time: Date) => `${months[time.getUTCMonth()]} ${String(time.getUTCDate()).padStart(2)} ${clock(time)}`,
  clf: (time: Date) =>
    `${two(time.getUTCDate())}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}:${clock(time)} +0000`,
  iso: (time: Date) => time.toISOString(),
  epoch: (time: Date) => String(time.getTime() / 1000),
}

function clock(time: Date): string {
  return `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`
}
