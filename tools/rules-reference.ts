// Writes docs/reference/rules.md from the shipped rules. Run it after a rule changed: npx tsx tools/rules-reference.ts
import { writeFileSync } from 'node:fs'
import { createRuleProof } from '../server/src/app/rule-proof.ts'
import { shippedContentDir } from '../server/src/config/content-dir.ts'
import { readRulePaths } from '../server/src/detect/load.ts'
import { readRuleFolders } from '../server/src/detect/rule-folder.ts'
import { chineseTitle } from '../server/src/detect/rule-words.ts'
import { loadLookups } from '../server/src/detect/sigma/logsource.ts'
import { loadParsers } from '../server/src/normalise/load.ts'
import { captureScenarios } from '../server/src/traffic/sample-capture.ts'

const contentDir = shippedContentDir()
const { mutate } = createRuleProof(loadParsers([contentDir]).parsers, loadLookups(contentDir), 'Asia/Shanghai')
const folders = readRuleFolders(contentDir, captureScenarios)
let total = 0
const rows = folders.map((folder) => {
  const document = readRulePaths([folder.file])[0]!.documents[0]!
  const techniques = document.tags
    .filter((tag) => /^attack\.t\d/.test(tag))
    .map((tag) => tag.slice('attack.'.length).toUpperCase())
  const sources = [...new Set([...folder.fires, ...folder.silent].map(({ parser }) => parser))]
  const kinds = [...new Set(Object.values(folder.evidence.samples).flatMap((list) => list.flatMap(Object.keys)))]
  const { mutants, survivors } = mutate(folder)
  total += mutants
  const excused = folder.evidence.equivalent.length
  const killed = `${mutants - survivors.length - excused} of ${mutants}${excused > 0 ? ` (${excused} equivalent)` : ''}`
  return `| \`content/rules/${folder.path}\` | ${document.title} / ${chineseTitle(document)} | ${document.level} | ${techniques.join(', ')} | ${sources.join(', ')} | ${kinds.join(', ')} | ${killed} |`
})
const text = `# Shipped rules

${folders.length} rules. *Sources* are the parsers whose records the samples are; *evidence* says what the samples rest on (a tool that was run,
a capture, or a documented format; the words stand in evidence.yml beside the rule); *changes noticed* is how many of the small changes of
the rule break a sample: ${total} in all (content/rules/README.md says which changes). Generated; do not edit.

| rule | title | level | ATT&CK | sources | evidence | changes noticed |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

## Noise

The whole pack over public data of ordinary use, which is no part of the project, on 28 November 2026 (\`watchfire detect\`,
\`watchfire traffic --detect\`). A log without records of a kind says nothing of the rules for it: connections, web requests of a busy
portal, Windows and audit logs of a quiet day are not among these.

| data | records | alerts |
| --- | --- | --- |
| four captures of ordinary name service | 116,800 | 2 low: remote-control software looked up |
| Zeek logs of a busy exercise network, without connections and web requests | 158,439 | 13 medium: service created over the network 9, task created over the network 3, names that do not exist 1 |
| system logs of Apache, Linux and Windows, 2,000 lines each | 6,000 | 0 |
| sshd log of a host on the internet | 2,000 | 13, all on real guessing: brute force 9 (high), many account names 4 (medium) |
| samples of Chinese security and network devices | 596 | 0 |
`
writeFileSync(new URL('../docs/reference/rules.md', import.meta.url), text)
