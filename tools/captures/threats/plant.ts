import { dnp3, iec104, modbus, s7 } from '../protocols/industrial.ts'
import { type Captures, single } from '../scenario.ts'

const ends = { from: '10.30.1.44', to: '10.30.2.10' }

export const plant: Record<string, Captures> = {
  'plant-written-to': single(
    (wire) => {
      modbus(wire, ends, 6)
      s7(wire, ends, 5)
      iec104(wire, ends, 45)
      dnp3(wire, ends, 5)
    },
    (wire) => {
      modbus(wire, ends, 3)
      s7(wire, ends, 4)
      iec104(wire, ends, 100)
      dnp3(wire, ends, 1)
    },
  ),
  'controller-stopped': single(
    (wire) => {
      s7(wire, ends, 41)
      s7(wire, ends, 40)
      dnp3(wire, ends, 13)
      dnp3(wire, ends, 14)
      dnp3(wire, ends, 18)
      iec104(wire, ends, 105)
    },
    (wire) => {
      s7(wire, ends, 5)
      s7(wire, ends, 4)
      dnp3(wire, ends, 5)
      iec104(wire, ends, 45)
      modbus(wire, ends, 5)
    },
  ),
  'controller-programmed': single(
    (wire) => {
      for (const job of [26, 27, 28]) s7(wire, ends, job)
      modbus(wire, ends, 90)
      dnp3(wire, ends, 16)
      dnp3(wire, ends, 25)
      iec104(wire, ends, 120)
    },
    (wire) => {
      s7(wire, ends, 29)
      s7(wire, ends, 5)
      modbus(wire, ends, 16)
      dnp3(wire, ends, 5)
      iec104(wire, ends, 45)
    },
  ),
}
