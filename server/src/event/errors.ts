/**
 * Every failure we expect has a code in this one table. `status` is the HTTP status it becomes, `retry` says
 * whether the same call may succeed later, `hint` says what to do. `docs/reference/errors.md` is generated from it.
 */
export const errorTable = {
  BAD_REQUEST: { status: 400, retry: false, hint: 'Correct the named part of the request.' },
  UNAUTHENTICATED: { status: 401, retry: false, hint: 'Sign in, or send a valid bearer token.' },
  FORBIDDEN: { status: 403, retry: false, hint: 'Ask an administrator for the named permission.' },
  NOT_FOUND: { status: 404, retry: false, hint: 'Check the id; it may lie outside the units you can see.' },
  CONFLICT: { status: 409, retry: false, hint: 'Load the current state and try again.' },
  CHANGED_MEANWHILE: {
    status: 412,
    retry: false,
    hint: 'Load the current state, see what changed, and send your change with the version it has now.',
  },
  TOO_LARGE: { status: 413, retry: false, hint: 'Send smaller parts.' },
  RATE_LIMITED: { status: 429, retry: true, hint: 'Wait as long as Retry-After says.' },
  DATA_DIR_BUSY: {
    status: 503,
    retry: true,
    hint: 'Another Watchfire uses this data directory; stop it, or choose another dataDir.',
  },
  DATA_DIR_UNUSABLE: {
    status: 500,
    retry: false,
    hint: 'Name a folder that this program may make and write (WATCHFIRE_DATA_DIR), on a disk with room.',
  },
  CONFIG_INVALID: { status: 500, retry: false, hint: 'Correct the named setting and start again.' },
  INSTANCE_RUNNING: {
    status: 409,
    retry: false,
    hint: 'Stop the running instance, or name another data directory (WATCHFIRE_DATA_DIR).',
  },
  SIGN_IN_FAILED: {
    status: 401,
    retry: false,
    hint: 'Check name, password and code; after five failures the account rests.',
  },
  SIGN_IN_LOCKED: {
    status: 429,
    retry: true,
    hint: 'Wait as long as Retry-After says, or ask an administrator to reset the password.',
  },
  TOTP_REQUIRED: {
    status: 401,
    retry: false,
    hint: 'Send the six-digit code of the authenticator, or a recovery code.',
  },
  PASSWORD_MUST_CHANGE: { status: 403, retry: false, hint: 'Change the one-time password first.' },
  PASSWORD_WEAK: { status: 400, retry: false, hint: 'Choose a password that meets the named rule.' },
  AUDIT_BROKEN: {
    status: 500,
    retry: false,
    hint: 'Run watchfire doctor --audit and restore the state store from a backup.',
  },
  SECRET_UNREADABLE: { status: 500, retry: false, hint: 'Restore the master key file, or set the secret again.' },
  KEY_FILE_INVALID: { status: 500, retry: false, hint: 'Restore the named key file from a backup.' },
  INTERNAL: { status: 500, retry: false, hint: 'See the server log under the named request id.' },
  BUS_FULL: { status: 429, retry: true, hint: 'The queue is at its bound; send again after Retry-After.' },
  DATA_OF_ANOTHER_VERSION: {
    status: 500,
    retry: false,
    hint: 'Start the version that made the data, or name an empty data directory (WATCHFIRE_DATA_DIR) and import what is still needed; nothing was changed.',
  },
  BUS_DAMAGED: {
    status: 500,
    retry: false,
    hint: 'A file of the bus is missing or damaged; see the server log for what it held, and check the disk.',
  },
  STOPPING: { status: 503, retry: true, hint: 'The program is stopping; try again when it runs again.' },
  CHILD_FAILED: { status: 503, retry: true, hint: 'A server process could not be started; see the server log.' },
  BUS_UNWRITABLE: {
    status: 503,
    retry: true,
    hint: 'The disk is full or read-only; free space, nothing else is needed.',
  },
  STORE_UNAVAILABLE: { status: 503, retry: true, hint: 'The state store is restarting; try again in a moment.' },
  EVENTS_UNAVAILABLE: { status: 503, retry: true, hint: 'The event store is restarting; try again in a moment.' },
  EVENTS_REJECTED: {
    status: 500,
    retry: false,
    hint: 'The event store refuses a block as wrong; see the server log, and keep the data directory.',
  },
  QUERY_INVALID: { status: 400, retry: false, hint: 'Correct the query at the named position.' },
  LISTEN_FAILED: {
    status: 500,
    retry: true,
    hint: 'Another program holds the port, or it needs privileges: free it, or choose another port.',
  },
  IMPORT_UNSUPPORTED: {
    status: 415,
    retry: false,
    hint: 'Convert the file to text, NDJSON, JSON, CSV or Zeek logs first, or compress it with gzip or ZIP instead.',
  },
  IMPORT_DAMAGED: {
    status: 422,
    retry: false,
    hint: 'The file ends early or its compression is broken; what stands before the named offset was taken in.',
  },
  OUTPUT_UNWRITABLE: {
    status: 500,
    retry: false,
    hint: 'Name a file in a folder that this program may write, on a disk with room.',
  },
  PARSER_INVALID: { status: 400, retry: false, hint: 'Correct the parser file at the named place.' },
  RULE_INVALID: {
    status: 422,
    retry: false,
    hint: 'Correct the rule where the message says; the reason names the remedy.',
  },
  RULES_UNREADABLE: {
    status: 422,
    retry: false,
    hint: 'Name an existing file or folder of Sigma rules that this program may read.',
  },
  PACKETS_NOT_KEPT: {
    status: 404,
    retry: false,
    hint: 'Start the sensor with --packets-dir and room enough; packets of files are kept when the file is imported.',
  },
  FILE_NOT_JUDGED: {
    status: 502,
    retry: true,
    hint: 'See that the virus scanner or sandbox runs and takes files of this size.',
  },
  SENSOR_SILENT: {
    status: 503,
    retry: true,
    hint: 'See that the sensor runs and reaches the platform, then ask again.',
  },
  QUERY_TOO_LONG: { status: 422, retry: false, hint: 'Narrow the time range or the query.' },
  DESTINATION_REFUSED: {
    status: 422,
    retry: false,
    hint: 'Name a destination outside, or set allowPrivateDestinations when connectors may reach inside.',
  },
} as const satisfies Record<string, { status: number; retry: boolean; hint: string }>

export type ErrorCode = keyof typeof errorTable

/** An expected failure. `message` says what happened in a sentence; `detail` carries machine-readable facts, no secrets. */
export class CodedError extends Error {
  readonly code: ErrorCode
  readonly detail: Record<string, unknown>

  constructor(code: ErrorCode, message: string, detail: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CodedError'
    this.code = code
    this.detail = detail
  }

  get status(): number {
    return errorTable[this.code].status
  }

  get retry(): boolean {
    return errorTable[this.code].retry
  }
}
