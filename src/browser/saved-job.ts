import { xxh64Hex } from '../kernel/hash.js'
import { instantiateKernel } from '../kernel/module.js'
import { packCheckpoint, unpackCheckpoint } from '../state/archive.js'
import type { Hash } from '../state/manifest.js'
import { MemoryCheckpointStorage } from '../state/memory-storage.js'
import { IndexedDbCheckpointStorage } from './indexeddb-storage.js'
import { withJobLock } from './job-lock.js'
import { jobFolder } from './job-names.js'
import { kernelModule } from './kernel-module.js'
import { originPrivateFolder } from './origin-private-files.js'

const LOCK_WAIT_MS = 3000

/** What a job left in this browser: its checkpoints, and the files that it wrote. For the page, while the job rests. */
export class SavedJob {
  readonly #job: string
  readonly #storage: IndexedDbCheckpointStorage

  /** `job` is the name under which `serveJobs` knows it. */
  constructor(job: string) {
    this.#job = job
    this.#storage = new IndexedDbCheckpointStorage(job)
  }

  /** The id of the newest checkpoint; undefined where there is none. */
  async newestCheckpoint(): Promise<number | undefined> {
    return (await this.#storage.list()).at(-1)
  }

  /** A file that the job wrote, as it is now; undefined where there is none. */
  async file(path: string): Promise<File | undefined> {
    return originPrivateFolder(jobFolder(this.#job)).read(path)
  }

  /** A checkpoint as one file, which Node and other browsers load. Fails with CHECKPOINT_CORRUPT. */
  async archive(checkpointId: number): Promise<Blob> {
    const bytes = await packCheckpoint(this.#storage, checkpointId, await hasher())
    return new Blob([bytes.slice()])
  }

  /**
   * Puts a checkpoint here, with the files as they were when it was taken, instead of what was here; the job then
   * resumes from it. Returns its id. Fails with CHECKPOINT_CORRUPT or CHECKPOINT_VERSION, with what was here left as it
   * was, and with JOB_RUNNING_ELSEWHERE.
   */
  async load(archive: Blob, files: Readonly<Record<string, Blob>>): Promise<number> {
    const bytes = new Uint8Array(await archive.arrayBuffer())
    const hash = await hasher()
    return withJobLock(this.#job, LOCK_WAIT_MS, async () => {
      // Verified in whole before anything here is touched.
      await unpackCheckpoint(bytes, new MemoryCheckpointStorage(), hash)
      await this.#storage.clear()
      const folder = originPrivateFolder(jobFolder(this.#job))
      await folder.clear()
      for (const [path, content] of Object.entries(files)) await folder.write(path, content)
      // Last, since the job resumes as soon as there is a checkpoint.
      return unpackCheckpoint(bytes, this.#storage, hash)
    })
  }
}

async function hasher(): Promise<Hash> {
  const kernel = instantiateKernel(await kernelModule())
  return bytes => xxh64Hex(kernel, bytes)
}
