import { z } from 'zod'
import { nameText } from '../input.ts'

/** Levels of the tree, highest first: 省, 市, 县, 单位. */
export const unitKinds = ['province', 'city', 'county', 'unit'] as const

export type UnitKind = (typeof unitKinds)[number]

export interface Unit {
  id: number
  parentId: number | null
  kind: UnitKind
  name: string
  /** Administrative division or unified social credit code. */
  code: string | null
  /** Materialised, `/1/12/`. */
  path: string
  /** Rises with every change a person makes. */
  version: number
  createdAt: Date
}

/** The root's id and path; everything lies below it. */
export const rootUnitId = 1
export const rootUnitPath = '/1/'

/** Deepest tree we allow, root included. */
export const unitDepthMax = 16

export const unitName = nameText(100)

export const unitCode = z
  .string()
  .trim()
  .regex(/^[0-9A-Za-z.-]{1,32}$/, 'letters, digits, dot and hyphen, at most 32')

/** A unit may hold units of its own level or below: a county does not hold a province. */
export function mayHold(parent: UnitKind, child: UnitKind): boolean {
  return unitKinds.indexOf(child) >= unitKinds.indexOf(parent)
}
