/* Disks and sources of a simulated process: they take time, and fail as the seed says. */
import type { AppendableFile, Files } from '../../core/files.js'
import { JobGraph } from '../../graph/job-graph.js'
import type { Source, SourceReader } from '../../operators/source.js'
import type { CheckpointStorage } from '../../state/checkpoint-storage.js'
import type { FaultKind } from './faults.js'
import type { SimulatedProcess } from './simulated-world.js'

const DISK_MS = 3
const SLOW_DISK_MS = 400
const READ_MS = 4
const IDLE_MS = 2_000

/** Tells whether a fault happens now, and keeps count. */
export type Happens = (kind: FaultKind, what: string) => boolean

/** The process's view of files that outlive it. */
export function simulatedFiles(files: Files, actor: SimulatedProcess, happens: Happens): Files {
  const disk = (what: string): Promise<void> => actor.wait(happens('slowDisk', what) ? SLOW_DISK_MS : DISK_MS)
  return {
    async openRead(path) {
      const file = await files.openRead(path)
      return {
        ...file,
        async read(offset, length) {
          await disk(`${actor.name} reads ${path}`)
          return file.read(offset, length)
        },
      }
    },
    async openAppend(path) {
      const file = await files.openAppend(path)
      // The system closes what a dead process had open.
      actor.onEnd(() => void file.close())
      const after = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
        await disk(`${actor.name} ${what} ${path}`)
        return run()
      }
      const simulated: AppendableFile = {
        get sizeBytes() {
          return file.sizeBytes
        },
        append: bytes =>
          after('appends to', async () => {
            if (!happens('tornWrite', `${actor.name} appends to ${path}`)) return file.append(bytes)
            await file.append(bytes.subarray(0, bytes.length >>> 1))
            throw new Error(`the disk failed in ${path}`)
          }),
        flush: () => after('flushes', () => file.flush()),
        truncate: size => after('truncates', () => file.truncate(size)),
        close: () => file.close(),
      }
      return simulated
    },
  }
}

export function simulatedStorage(
  storage: CheckpointStorage,
  actor: SimulatedProcess,
  happens: Happens,
): CheckpointStorage {
  const disk = (what: string): Promise<void> => actor.wait(happens('slowDisk', what) ? SLOW_DISK_MS : DISK_MS)
  return {
    description: storage.description,
    async writePart(id, name, bytes) {
      await disk(`part ${name} of checkpoint ${id}`)
      if (happens('failedWrite', `part ${name} of checkpoint ${id}`)) {
        await storage.writePart(id, name, bytes.subarray(0, bytes.length >>> 1))
        throw new Error(`the disk failed in part ${name}`)
      }
      return storage.writePart(id, name, bytes)
    },
    async writeManifest(id, bytes) {
      await disk(`the manifest of checkpoint ${id}`)
      if (happens('failedWrite', `the manifest of checkpoint ${id}`)) throw new Error('the disk failed in the manifest')
      return storage.writeManifest(id, bytes)
    },
    async readPart(id, name) {
      await disk(`part ${name} of checkpoint ${id}`)
      return storage.readPart(id, name)
    },
    async readManifest(id) {
      await disk(`the manifest of checkpoint ${id}`)
      return storage.readManifest(id)
    },
    list: () => storage.list(),
    remove: id => storage.remove(id),
    async writeShared(name, bytes) {
      await disk(`shared part ${name}`)
      if (happens('failedWrite', `shared part ${name}`)) {
        await storage.writeShared(name, bytes.subarray(0, bytes.length >>> 1))
        throw new Error(`the disk failed in shared part ${name}`)
      }
      return storage.writeShared(name, bytes)
    },
    async readShared(name) {
      await disk(`shared part ${name}`)
      return storage.readShared(name)
    },
    listShared: () => storage.listShared(),
    removeShared: name => storage.removeShared(name),
  }
}

/** The same graph with sources that take time and fall silent. */
export function withSimulatedSources(graph: JobGraph, actor: SimulatedProcess, happens: Happens): JobGraph {
  const nodes = graph.nodes.map(node => {
    const { role } = node
    if (role.kind !== 'source') return node
    return { ...node, role: { ...role, source: simulatedSource(role.source, node.id, actor, happens) } }
  })
  return new JobGraph(graph.name, graph.parameters, nodes, graph)
}

function simulatedSource(source: Source, id: string, actor: SimulatedProcess, happens: Happens): Source {
  const { kind, description, schema, replayable, splits } = source
  return {
    kind,
    description,
    schema,
    replayable,
    ...(splits && {
      splits: async context => {
        const parts = await splits.call(source, context)
        return parts.map(part => ({ id: part.id, source: simulatedSource(part.source, part.id, actor, happens) }))
      },
    }),
    async open(context): Promise<SourceReader> {
      const reader = await source.open(context)
      return {
        rowCount: reader.rowCount,
        ...(reader.dropped && { dropped: reader.dropped }),
        async read() {
          await actor.wait(happens('idleSplit', `${id} is silent`) ? IDLE_MS : READ_MS)
          return reader.read()
        },
        close: () => reader.close(),
      }
    },
  }
}
