import { Command } from 'commander'
import { loadConfig } from '../config/config.ts'
import { readEnvironment } from '../config/environment.ts'
import { CodedError, errorTable } from '../event/errors.ts'
import { detectCommand } from './commands/detect.ts'
import { doctorCommand } from './commands/doctor.ts'
import { importCommand } from './commands/import.ts'
import { normaliseCommand } from './commands/normalise.ts'
import { packetsCommand } from './commands/packets.ts'
import { rulesCommand } from './commands/rules.ts'
import { secretCommand } from './commands/secret.ts'
import { sensorCommand } from './commands/sensor.ts'
import { serveCommand } from './commands/serve.ts'
import { settingCommand } from './commands/setting.ts'
import { tokenCommand } from './commands/token.ts'
import { trafficCommand } from './commands/traffic.ts'
import { userCommand } from './commands/user.ts'
import { programVersion } from './version.ts'

/** The commands of the program, with their options and help texts. */
export function createProgram(): Command {
  const program = new Command('watchfire')
    .description(
      'Watchfire 烽燧: an open security operations centre. Settings: WATCHFIRE_* variables or --config FILE.',
    )
    .version(programVersion)
    .option('--config <file>', 'YAML file of settings')
    .showHelpAfterError()
  const config = () => loadConfig(readEnvironment(), program.opts<{ config?: string }>().config)
  serveCommand(program, config)
  detectCommand(program, config)
  normaliseCommand(program, config)
  importCommand(program, config)
  trafficCommand(program, config)
  packetsCommand(program)
  sensorCommand(program, config)
  userCommand(program, config)
  tokenCommand(program, config)
  secretCommand(program, config)
  settingCommand(program, config)
  rulesCommand(program, config)
  doctorCommand(program, config)
  return program
}

/** argv -> command. An expected failure is told with its code and what to do, and ends the program with 1. */
export async function runCommandLine(argv: string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    console.error(`${error.code}: ${error.message}\n${errorTable[error.code].hint}`)
    process.exitCode = 1
  }
}
