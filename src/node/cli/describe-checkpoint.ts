/* What a checkpoint holds, in words. */
import pc from 'picocolors'
import { formatDuration } from '../../core/duration.js'
import type { Json } from '../../core/json.js'
import type { CheckpointManifest, OperatorSnapshotEntry, PartEntry } from '../../state/manifest.js'
import { chainsOf, writtenBy } from '../../state/shared-parts.js'
import { bytes, count, counted, time, watermark } from '../terminal/words.js'

/** Bytes of its parts. */
export function sizeOf({ operators }: CheckpointManifest): number {
  return operators.flatMap(({ parts }) => parts).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** Bytes of the parts that it has from checkpoints before it; undefined where it shares none. */
function sharedBytes({ operators, checkpointId }: CheckpointManifest): number | undefined {
  const shared = operators.flatMap(({ parts }) => parts).filter(({ shared }) => shared !== undefined)
  if (shared.length === 0) return undefined
  const older = shared.filter(({ name }) => writtenBy(name) !== checkpointId)
  return older.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** One line: number, job, when, where, size. */
export function describeInLine(manifest: CheckpointManifest): string {
  const { checkpointId, job, createdAtMs, environment, operators } = manifest
  const columns = [
    pc.bold(String(checkpointId).padStart(6)),
    `${time(createdAtMs)} UTC`,
    job,
    `taken in ${environment}`,
    counted(operators.length, 'operator'),
    sizeInWords(manifest),
  ]
  return columns.join('  ')
}

function sizeInWords(manifest: CheckpointManifest): string {
  const shared = sharedBytes(manifest)
  if (shared === undefined) return bytes(sizeOf(manifest))
  return `${bytes(sizeOf(manifest))}, ${bytes(sizeOf(manifest) - shared)} of them its own`
}

export function describeCheckpoint(manifest: CheckpointManifest): string[] {
  const { checkpointId, job, createdAtMs, environment, abiVersion, parameters, operators } = manifest
  const shared = sharedBytes(manifest)
  const given = Object.entries(parameters).map(([name, value]) => `${name}=${value}`)
  return [
    `${pc.bold(`checkpoint ${checkpointId}`)} of job ${pc.bold(job)}`,
    `  taken ${time(createdAtMs)} UTC in ${environment}, kernel ABI ${abiVersion}`,
    `  ${counted(operators.length, 'operator')}, ${bytes(sizeOf(manifest))} of binary state`,
    ...(shared === undefined
      ? []
      : [`  ${bytes(sizeOf(manifest) - shared)} written for it, ${bytes(shared)} shared with checkpoints before it`]),
    ...(given.length === 0 ? [] : [`  parameters: ${given.join(', ')}`]),
    ...operators.flatMap(describeOperator),
  ]
}

function describeOperator({ id, kind, rowsIn, rowsOut, settings, state, parts }: OperatorSnapshotEntry): string[] {
  const name = `${pc.bold(id)}${id.startsWith(kind) ? '' : ` (${kind})`}`
  const lines = [`  ${name}: ${counted(rowsIn, 'row')} in, ${count(rowsOut)} out`]
  if (settings !== null && !isEmpty(settings)) lines.push(`    settings: ${describeValue(settings)}`)
  if (state === null && parts.length === 0) lines.push(pc.dim('    keeps nothing'))
  if (isRecord(state)) lines.push(...Object.entries(state).map(([name, value]) => `    ${describeEntry(name, value)}`))
  else if (state !== null) lines.push(`    state: ${describeValue(state)}`)
  for (const [part, chain] of chainsOf(parts)) lines.push(...describePart(part, chain))
  return lines
}

function describePart(part: string, chain: readonly PartEntry[]): string[] {
  const line = ({ sizeBytes, xxh64 }: PartEntry): string => `${bytes(sizeBytes)} ${pc.dim(`xxh64 ${xxh64}`)}`
  const [first, ...deltas] = chain
  if (first === undefined || first.shared === undefined) return chain.map(entry => `    part ${part}: ${line(entry)}`)
  const more = deltas.length === 0 ? '' : ` and ${counted(deltas.length, 'delta')}`
  return [
    `    part ${part}: a base${more}, shared`,
    `      base of checkpoint ${writtenBy(first.name)}: ${line(first)}`,
    ...deltas.map(entry => `      changes of checkpoint ${writtenBy(entry.name)}: ${line(entry)}`),
  ]
}

function describeEntry(name: string, value: Json): string {
  const words = name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
  if (/watermark|timestamp/i.test(name)) return `${words}: ${describeTime(value)}`
  if (/[a-z]Ms$/.test(name) && typeof value === 'number') return `${words.slice(0, -3)}: ${formatDuration(value)}`
  if (/bytes$/i.test(name) && typeof value === 'number') return `${words}: ${bytes(value)}`
  return `${words}: ${describeValue(value)}`
}

/** Infinite watermarks are no JSON numbers: operators write them as null or as text. */
function describeTime(value: Json): string {
  if (typeof value === 'number') return watermark(value)
  if (value === null || value === '-Infinity') return watermark(Number.NEGATIVE_INFINITY)
  if (value === 'Infinity') return watermark(Number.POSITIVE_INFINITY)
  return describeValue(value)
}

function describeValue(value: Json): string {
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 6 })
  if (typeof value === 'string') return value
  if (value === null || typeof value === 'boolean') return String(value)
  if (isRecord(value)) {
    const entries = Object.entries(value).map(([name, inner]) => describeEntry(name, inner))
    return entries.length === 0 ? 'nothing' : entries.join(', ')
  }
  const shown = value.slice(0, 8).map(describeValue)
  return `[${[...shown, ...(value.length > 8 ? [`and ${value.length - 8} more`] : [])].join('; ')}]`
}

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEmpty(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
