import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isKnownField } from '../../server/src/event/catalogue.ts'
import { zhCN } from '../../web/src/i18n/zh-CN.ts'
import { type Desk, type Language, screens } from '../harness/browser.ts'

/** Where the pictures of pages are kept for people to look at. */
const pictures = join(import.meta.dirname, '../../.artefacts/screenshots')

type Size = (typeof screens)[number]

/** First words of the keys of the words: `pages` of `pages.overview`. */
const keyGroups = Object.keys(zhCN)

/**
 * What is wrong with the page now open, at every size of a desk or at the `sizes` given: nothing, or one line for each
 * defect. Keeps a picture of each size. `data` are texts that people entered and that may be of any language.
 */
export async function lookAt(
  desk: Desk,
  name: string,
  { language, data = [], sizes = screens }: { language: Language; data?: string[]; sizes?: readonly Size[] },
): Promise<string[]> {
  const { page } = desk
  const defects: string[] = []
  for (const [index, size] of sizes.entries()) {
    await page.setViewportSize(size)
    await desk.settle()
    const wide = await page.evaluate(tooWide)
    for (const what of wide) defects.push(`${name} at ${size.width}: wider than its place: ${what}`)
    if (index === 0)
      for (const what of wrongWords(await page.evaluate(visibleTexts), language, data)) defects.push(`${name}: ${what}`)
    const file = join(pictures, `${name}.${language}.${size.width}.png`)
    mkdirSync(join(file, '..'), { recursive: true })
    await page.screenshot({ path: file })
  }
  if (sizes.length > 1) await page.setViewportSize(sizes[0]!)
  return [...defects, ...desk.takeProblems().map((problem) => `${name}: ${problem}`)]
}

interface VisibleText {
  text: string
  /** Field names, identifiers, audited actions and raw records: never words of the product. */
  isCode: boolean
  /** Marked as being of another language than the page. */
  lang: string | undefined
}

/** Runs in the page: the frame, and tables with the columns they start with. */
function tooWide(): string[] {
  const parts = document.querySelectorAll('html, body, main, nav, .table-scroll, th')
  return [...parts].flatMap((element) =>
    element.checkVisibility() && element.scrollWidth > element.clientWidth + 1
      ? [
          `${element.className || element.tagName.toLowerCase()} ${element.scrollWidth} > ${element.clientWidth}` +
            (element.tagName === 'TH' ? ` (${element.textContent})` : ''),
        ]
      : [],
  )
}

/** Runs in the page. */
function visibleTexts(): VisibleText[] {
  const found: VisibleText[] = []
  const code = 'code, pre, kbd, .mono, .raw, .hex, .value, table.fields, [data-testid="table-audit"] td'
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent?.trim() ?? ''
    const element = node.parentElement
    if (text === '' || !element?.checkVisibility() || element.closest('script, style')) continue
    const isCode = element.closest(code) !== null
    const lang = element.closest('[lang]:not(html)')?.getAttribute('lang') ?? undefined
    found.push({ text, isCode, lang })
  }
  for (const element of document.querySelectorAll('[title], [aria-label], [placeholder]')) {
    if (!element.checkVisibility()) continue
    for (const attribute of ['title', 'aria-label', 'placeholder']) {
      const text = element.getAttribute(attribute)?.trim()
      if (text) found.push({ text, isCode: element.closest(`${code}, .facet-value`) !== null, lang: undefined })
    }
  }
  return found
}

function wrongWords(texts: VisibleText[], language: Language, data: string[]): string[] {
  const defects = new Set<string>()
  for (const { text, isCode, lang } of texts) {
    if (/\{\{\w+\}\}|\[object |\bundefined\b|\bNaN\b|Invalid Date/.test(text) && !isCode)
      defects.add(`not for people: ${text.slice(0, 120)}`)
    if (isCode) continue
    if (looksLikeKey(text)) defects.add(`untranslated: ${text}`)
    const rest = data.reduce((left, known) => left.replaceAll(known, ''), text)
    if (language === 'en' && lang === undefined && /\p{Script=Han}/u.test(rest))
      defects.add(`Chinese in English: ${text.slice(0, 120)}`)
  }
  return [...defects]
}

/** i18next shows the key where it has no words; names of fields look alike and are known. */
function looksLikeKey(text: string): boolean {
  if (!/^[a-z]\w*(\.[\w-]+)+$/i.test(text) || isKnownField(text)) return false
  return keyGroups.includes(text.slice(0, text.indexOf('.')))
}
