// Writes docs/reference/settings.md from the schema of the settings. Run it after a setting changed: npx tsx tools/settings-reference.ts
import { writeFileSync } from 'node:fs'
import { describeSettings } from '../server/src/config/config.ts'

const rows = describeSettings().map(
  (setting) =>
    `| \`${setting.key}\` | \`${setting.variable}\` | ${setting.default === '' ? '' : `\`${setting.default}\``} | ${setting.meaning} |`,
)
const text = `# Settings

Every setting of the one YAML file (\`watchfire --config FILE serve\`) has a variable of the same meaning; the variable goes before the file.
A wrong or unknown setting is refused at the start, by name (CONFIG_INVALID). Generated from the schema; do not edit.

| YAML | variable | default | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`
writeFileSync(new URL('../docs/reference/settings.md', import.meta.url), text)
