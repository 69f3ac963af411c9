/* What a checkpoint holds, in words. */
import pc from 'picocolors'
import { formatDuration } from '../../core/duration.js'
import type { Json } from '../../core/json.js'
import type { CheckpointManifest, OperatorSnapshotEntry } from '../../state/manifest.js'
import { bytes, count, counted, time, watermark } from '../terminal/words.js'

/** Bytes of its parts. */
export function sizeOf({ operators }: CheckpointManifest): number {
  return operators.flatMap(({ parts }) => parts).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
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
    bytes(sizeOf(manifest)),
  ]
  return columns.join('  ')
}

export function describeCheckpoint(manifest: CheckpointManifest): string[] {
  const { checkpointId, job, createdAtMs, environment, abiVersion, parameters, operators } = manifest
  const given = Object.entries(parameters).map(([name, value]) => `${name}=${value}`)
  return [
    `${pc.bold(`checkpoint ${checkpointId}`)} of job ${pc.bold(job)}`,
    `  taken ${time(createdAtMs)} UTC in ${environment}, kernel ABI ${abiVersion}`,
    `  ${counted(operators.length, 'operator')}, ${bytes(sizeOf(manifest))} of binary state`,
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
  for (const { name, sizeBytes, xxh64 } of parts) {
    lines.push(`    part ${name}: ${bytes(sizeBytes)} ${pc.dim(`xxh64 ${xxh64}`)}`)
  }
  return lines
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
