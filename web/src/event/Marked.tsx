import { cut, findText, type Piece } from './raw.ts'

/** Text with what matched highlighted. */
export function Marked({ text, needles }: { text: string; needles: string[] }) {
  return <Pieces pieces={cut(text, findText(text, needles))} />
}

export function Pieces({ pieces }: { pieces: Piece[] }) {
  return pieces.map(({ text, marked }, index) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text never move
    marked ? <mark key={index}>{text}</mark> : <span key={index}>{text}</span>,
  )
}
