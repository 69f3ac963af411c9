import { readFile, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import pc from 'picocolors'
import { xxh64Hex } from '../../kernel/hash.js'
import { packCheckpoint, unpackCheckpoint } from '../../state/archive.js'
import { inspectCheckpoint, verifyCheckpoint } from '../../state/checkpoint.js'
import type { Hash } from '../../state/manifest.js'
import { DirectoryCheckpointStorage } from '../directory-storage.js'
import { systemReason } from '../durable.js'
import { nodeEnvironment } from '../environment.js'
import { bytes, counted } from '../terminal/words.js'
import { describeCheckpoint, describeInLine, sizeOf } from './describe-checkpoint.js'
import { verboseOption } from './settings.js'
import { UsageError } from './usage-error.js'

const HELP = `
Examples:
  $ sabot checkpoint ls .sabot/flights                    one line for each checkpoint
  $ sabot checkpoint inspect .sabot/flights               what the newest one holds, in words
  $ sabot checkpoint inspect .sabot/flights 12 --json     checkpoint 12, for programs
  $ sabot checkpoint verify .sabot/flights                read every byte; exit code 1 when one is wrong
  $ sabot checkpoint export .sabot/flights 12 chk.sabot   one file, to resume elsewhere, as in a browser
  $ sabot checkpoint import chk.sabot .sabot/flights      the other way; then: sabot run flights.ts --resume`

type Done = (exitCode: number) => void

interface Json {
  readonly json?: true
}

export function checkpointCommand(done: Done): Command {
  const command = new Command('checkpoint')
    .description('look into, verify and move checkpoints')
    .addHelpText('after', HELP)
  for (const child of [list(done), inspect(done), verify(done), exportOne(done), importOne(done)])
    command.addCommand(child)
  return command
}

function list(done: Done): Command {
  return new Command('ls')
    .description('list the checkpoints in a directory')
    .argument('<directory>', 'where a job keeps its checkpoints')
    .option('--json', 'as JSON')
    .addOption(verboseOption())
    .action(async (directory: string, options: Json) => {
      const storage = new DirectoryCheckpointStorage(directory)
      const hash = hasher()
      const found = []
      for (const id of await idsOf(storage)) found.push(await verifiedManifest(storage, id, hash))
      if (options.json) print(JSON.stringify(found.map(({ id, manifest, problem }) => ({ id, manifest, problem }))))
      else {
        for (const { id, manifest, problem } of found) {
          print(manifest === undefined ? `${pc.bold(String(id))}  ${pc.red(problem ?? '')}` : describeInLine(manifest))
        }
        if (found.length === 0) print(`no checkpoints in ${directory}`)
      }
      done(0)
    })
}

function inspect(done: Done): Command {
  return new Command('inspect')
    .description('tell what a checkpoint holds')
    .argument('<directory>', 'where a job keeps its checkpoints')
    .argument('[id]', 'the number of a checkpoint (default: the newest)')
    .option('--json', 'its manifest as JSON')
    .addOption(verboseOption())
    .action(async (directory: string, id: string | undefined, options: Json) => {
      const storage = new DirectoryCheckpointStorage(directory)
      const manifest = await inspectCheckpoint(storage, await chosenId(storage, id), hasher())
      print(options.json ? JSON.stringify(manifest, undefined, 2) : describeCheckpoint(manifest).join('\n'))
      done(0)
    })
}

function verify(done: Done): Command {
  return new Command('verify')
    .description('read every byte of a checkpoint and compare checksums')
    .argument('<directory>', 'where a job keeps its checkpoints')
    .argument('[id]', 'the number of a checkpoint (default: all)')
    .option('--json', 'as JSON')
    .addOption(verboseOption())
    .action(async (directory: string, id: string | undefined, options: Json) => {
      const storage = new DirectoryCheckpointStorage(directory)
      const ids = id === undefined ? await idsOf(storage) : [await chosenId(storage, id)]
      if (ids.length === 0) throw noCheckpoints(directory)
      const results = []
      for (const each of ids) results.push({ id: each, ...(await verifyCheckpoint(storage, each, hasher())) })
      if (options.json)
        print(JSON.stringify(results.map(({ id: number, ok, problems }) => ({ id: number, ok, problems }))))
      else {
        for (const { id: number, ok, problems, manifest } of results) {
          const size = manifest === undefined ? '' : ` (${bytes(sizeOf(manifest))})`
          print(ok ? `checkpoint ${number}: ${pc.green('whole')}${size}` : `checkpoint ${number}: ${pc.red('damaged')}`)
          for (const problem of problems) print(`  ${problem}`)
        }
      }
      done(results.every(({ ok }) => ok) ? 0 : 1)
    })
}

function exportOne(done: Done): Command {
  return new Command('export')
    .description('write a checkpoint into one file, to carry it elsewhere')
    .argument('<directory>', 'where a job keeps its checkpoints')
    .argument('<id>', 'the number of a checkpoint')
    .argument('<file>', 'the file to write; one that exists is not overwritten')
    .addOption(verboseOption())
    .action(async (directory: string, id: string, file: string) => {
      const storage = new DirectoryCheckpointStorage(directory)
      const archive = await packCheckpoint(storage, await chosenId(storage, id), hasher())
      try {
        await writeFile(file, archive, { flag: 'wx', mode: 0o600 })
      } catch (cause) {
        throw new UsageError('FILE_UNWRITABLE', `${file} cannot be written: ${systemReason(cause)}`, { cause })
      }
      print(`checkpoint ${id} is in ${file} (${bytes(archive.length)})`)
      done(0)
    })
}

function importOne(done: Done): Command {
  return new Command('import')
    .description('take a checkpoint from a file that was exported')
    .argument('<file>', 'a file from sabot checkpoint export, or from the browser')
    .argument('<directory>', 'where the job shall find it')
    .addOption(verboseOption())
    .action(async (file: string, directory: string) => {
      const archive = await readFile(file).catch((cause: unknown) => {
        throw new UsageError('FILE_UNREADABLE', `${file} cannot be read: ${systemReason(cause)}`, { cause })
      })
      const id = await unpackCheckpoint(archive, new DirectoryCheckpointStorage(directory), hasher())
      print(
        `checkpoint ${id} is in ${directory}; sabot run FILE --resume --checkpoint-dir ${directory} goes on from there`,
      )
      done(0)
    })
}

async function verifiedManifest(storage: DirectoryCheckpointStorage, id: number, hash: Hash) {
  try {
    return { id, manifest: await inspectCheckpoint(storage, id, hash), problem: undefined }
  } catch (error) {
    return { id, manifest: undefined, problem: error instanceof Error ? error.message : String(error) }
  }
}

/** The ids in a directory that must be there. */
async function idsOf(storage: DirectoryCheckpointStorage): Promise<number[]> {
  if (!(await storage.exists())) {
    throw new UsageError(
      'NO_SUCH_DIRECTORY',
      `There is no ${storage.description}. Name the one given to --checkpoint-dir`,
    )
  }
  return storage.list()
}

async function chosenId(storage: DirectoryCheckpointStorage, text: string | undefined): Promise<number> {
  const ids = await idsOf(storage)
  const newest = ids.at(-1)
  if (newest === undefined) throw noCheckpoints(storage.description)
  if (text === undefined) return newest
  const id = Number(text)
  if (ids.includes(id)) return id
  const known = `It has ${counted(ids.length, 'checkpoint')}: ${ids.join(', ')}`
  throw new UsageError('CHECKPOINT_NOT_FOUND', `There is no checkpoint ${text} in ${storage.description}. ${known}`)
}

function noCheckpoints(where: string): UsageError {
  return new UsageError(
    'CHECKPOINT_NOT_FOUND',
    `There are no checkpoints in ${where}. Run the job with --checkpoint-dir first`,
  )
}

function hasher(): Hash {
  const kernel = nodeEnvironment().createKernel()
  return data => xxh64Hex(kernel, data)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
