import fc from 'fast-check'
import { Schema } from '../../../src/core/schema.js'
import type { OperatorFactory } from '../../../src/operators/operator.js'
import {
  HARNESS_MODES,
  type HarnessMode,
  runOperator,
  type TestElement,
  type TestOutput,
} from '../../../src/testing/operator-harness.js'
import { windowOperatorOf } from '../../conformance/window-driver.js'
import { builds } from '../../kernel/builds.js'
import type { TimedRow } from './oracle.js'

export const SCHEMA = Schema.of({ key: 'utf8', value: 'f64' })

const [build] = builds

export const kernel = () => {
  if (build === undefined) throw new TypeError('no build')
  return build.create()
}

/** The operator of a pipeline over { key, value }. */
export const operatorOf = (define: Parameters<typeof windowOperatorOf<{ key: string; value: number }>>[1]) =>
  windowOperatorOf(SCHEMA as Schema<{ key: string; value: number }>, define)

/** Rows in the order of arrival, with bounded out-of-orderness. */
export const timedRows = (maxLength = 40) =>
  fc
    .tuple(
      fc.array(
        fc.record({
          key: fc.constantFrom('a', 'b', '', '__proto__'),
          value: fc.integer({ min: -9, max: 9 }),
          timestamp: fc.integer({ min: -40, max: 160 }),
        }),
        { maxLength },
      ),
      fc.integer({ min: 0, max: 60 }),
    )
    .map(([rows, boundMs]): TimedRow[] => {
      let watermark = Number.NEGATIVE_INFINITY
      return rows.map(row => {
        const timed = { ...row, watermark }
        watermark = Math.max(watermark, row.timestamp - boundMs - 1)
        return timed
      })
    })

export function elementsOf(rows: readonly TimedRow[]): TestElement[] {
  return [
    ...rows.map(({ key, value, timestamp, watermark }): TestElement => {
      return { kind: 'row', row: { key, value }, timestamp, watermark }
    }),
    { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY },
  ]
}

/** What comes out of one output, in every mode: it must be the same. */
export function runInAllModes(create: OperatorFactory, elements: readonly TestElement[], input: Schema = SCHEMA) {
  return HARNESS_MODES.map(mode => runIn(mode, create, elements, input))
}

/** The same in one mode: rows in batches. */
export function runOnce(create: OperatorFactory, elements: readonly TestElement[], input: Schema = SCHEMA) {
  const [batched] = HARNESS_MODES
  if (batched === undefined) throw new TypeError('no mode')
  return runIn(batched, create, elements, input)
}

function runIn(mode: HarnessMode, create: OperatorFactory, elements: readonly TestElement[], input: Schema) {
  const outputs = runOperator(create, kernel, [input], elements, mode)
  return { mode: mode.name, outputs, main: of(outputs, 'main'), late: of(outputs, 'late') }
}

function of(outputs: readonly TestOutput[], output: string) {
  return outputs.flatMap(out => ('output' in out && out.output === output ? [out] : []))
}

export const rowsOf = (outputs: readonly { readonly row: object }[]): object[] => outputs.map(({ row }) => row)

export const sorted = (rows: readonly object[]): string[] => rows.map(row => JSON.stringify(row)).sort()
