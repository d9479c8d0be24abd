import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
export function detectCommand(_program: Command, _config: () => Config): void {}
