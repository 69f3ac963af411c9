import { clear, get, getMany, keys, promisifyRequest, type UseStore } from 'idb-keyval'
import { SabotError } from '../core/errors.js'
import type { CheckpointStorage } from '../state/checkpoint-storage.js'
import { assertCheckpointId, assertPartName, checkpointExists } from '../state/part-name.js'
import { jobDatabase } from './job-names.js'

export interface IndexedDbStorageOptions {
  /** A part is cut into values of at most so many bytes: engines cap one value at about 127 MiB. Default: 32 MiB. */
  readonly chunkBytes?: number
}

/*
 * One database for each job, one object store, five kinds of keys:
 *
 *   ['manifest', id]                  Uint8Array: the checkpoint exists
 *   ['part', id, name]                number: how many chunks the part has
 *   ['chunk', id, name, index]        Uint8Array
 *   ['shared', name]                  number: how many chunks the shared part has
 *   ['shared-chunk', name, index]     Uint8Array
 */
const STORE = 'checkpoints'
const MEBIBYTE = 1024 * 1024

/**
 * The checkpoints of one job in IndexedDB. A promise is fulfilled when its transaction is complete, and transactions
 * are strict: engines flush them to disk before they say so (the default is relaxed, which a power cut may undo).
 * Fails with STORAGE_QUOTA when the site's storage is full, otherwise with STORAGE_FAILED.
 */
export class IndexedDbCheckpointStorage implements CheckpointStorage {
  readonly description: string
  readonly #store: UseStore
  readonly #chunkBytes: number

  constructor(job: string, options: IndexedDbStorageOptions = {}) {
    const database = jobDatabase(job)
    this.description = `IndexedDB database ${database}`
    this.#store = strictStore(database)
    this.#chunkBytes = options.chunkBytes ?? 32 * MEBIBYTE
  }

  async writePart(checkpointId: number, name: string, bytes: Uint8Array): Promise<void> {
    assertPartName(name)
    await this.#writeUnlessComplete(checkpointId, `writing part ${name} of checkpoint ${checkpointId}`, store => {
      // Parts that an attempt left behind may be written again.
      this.#putChunks(store, ['part', checkpointId, name], ['chunk', checkpointId, name], bytes)
    })
  }

  async writeManifest(checkpointId: number, bytes: Uint8Array): Promise<void> {
    await this.#writeUnlessComplete(checkpointId, `writing the manifest of checkpoint ${checkpointId}`, store => {
      store.put(bytes.slice(), ['manifest', checkpointId])
    })
  }

  async readPart(checkpointId: number, name: string): Promise<Uint8Array | undefined> {
    assertCheckpointId(checkpointId)
    assertPartName(name)
    return this.#run(`reading part ${name} of checkpoint ${checkpointId}`, () =>
      this.#getChunks(['part', checkpointId, name], ['chunk', checkpointId, name]),
    )
  }

  async readManifest(checkpointId: number): Promise<Uint8Array | undefined> {
    assertCheckpointId(checkpointId)
    return this.#run(`reading the manifest of checkpoint ${checkpointId}`, () =>
      get<Uint8Array>(['manifest', checkpointId], this.#store),
    )
  }

  list(): Promise<number[]> {
    return this.#run('listing checkpoints', async () => {
      const manifests = (await keys<IDBValidKey[]>(this.#store)).filter(([kind]) => kind === 'manifest')
      return manifests.map(([, id]) => Number(id)).sort((a, b) => a - b)
    })
  }

  async remove(checkpointId: number): Promise<void> {
    assertCheckpointId(checkpointId)
    // One transaction: it is all there, or all gone.
    await this.#run(`removing checkpoint ${checkpointId}`, () =>
      this.#store('readwrite', store => {
        store.delete(['manifest', checkpointId])
        store.delete(keysUnder('part', checkpointId))
        store.delete(keysUnder('chunk', checkpointId))
        return promisifyRequest(store.transaction)
      }),
    )
  }

  async writeShared(name: string, bytes: Uint8Array): Promise<void> {
    assertPartName(name)
    await this.#run(`writing shared part ${name}`, () =>
      this.#store('readwrite', store => {
        this.#putChunks(store, ['shared', name], ['shared-chunk', name], bytes)
        return promisifyRequest(store.transaction)
      }),
    )
  }

  async readShared(name: string): Promise<Uint8Array | undefined> {
    assertPartName(name)
    return this.#run(`reading shared part ${name}`, () => this.#getChunks(['shared', name], ['shared-chunk', name]))
  }

  listShared(): Promise<string[]> {
    return this.#run('listing shared parts', async () => {
      const shared = (await keys<IDBValidKey[]>(this.#store)).filter(([kind]) => kind === 'shared')
      return shared.map(([, name]) => String(name)).sort()
    })
  }

  async removeShared(name: string): Promise<void> {
    assertPartName(name)
    await this.#run(`removing shared part ${name}`, () =>
      this.#store('readwrite', store => {
        store.delete(['shared', name])
        store.delete(keysUnder('shared-chunk', name))
        return promisifyRequest(store.transaction)
      }),
    )
  }

  /** Removes all checkpoints, and what was left of incomplete ones. */
  clear(): Promise<void> {
    return this.#run('removing all checkpoints', () => clear(this.#store))
  }

  #putChunks(store: IDBObjectStore, key: IDBValidKey, chunkKey: IDBValidKey[], bytes: Uint8Array): void {
    store.delete(keysUnder(...chunkKey))
    let count = 0
    for (let at = 0; at < bytes.length; at += this.#chunkBytes) {
      // A copy, since storing a view would store the whole buffer behind it: all of the kernel's memory.
      store.put(bytes.slice(at, at + this.#chunkBytes), [...chunkKey, count++])
    }
    store.put(count, key)
  }

  async #getChunks(key: IDBValidKey, chunkKey: IDBValidKey[]): Promise<Uint8Array | undefined> {
    const count = await get<number>(key, this.#store)
    if (count === undefined) return undefined
    const indexes = Array.from({ length: count }, (_, index) => [...chunkKey, index])
    const chunks = await getMany<Uint8Array>(indexes, this.#store)
    // A missing chunk makes the part shorter than its manifest says, which restoring detects.
    return concatenate(chunks.filter(chunk => chunk !== undefined))
  }

  async #writeUnlessComplete(
    checkpointId: number,
    what: string,
    write: (store: IDBObjectStore) => void,
  ): Promise<void> {
    assertCheckpointId(checkpointId)
    await this.#run(what, () =>
      this.#store('readwrite', async store => {
        const manifests = await promisifyRequest(store.count(['manifest', checkpointId]))
        if (manifests > 0) throw checkpointExists(checkpointId, this.description)
        write(store)
        await promisifyRequest(store.transaction)
      }),
    )
  }

  async #run<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (cause) {
      if (cause instanceof SabotError) throw cause
      const full = cause instanceof DOMException && cause.name === 'QuotaExceededError'
      const reason = full
        ? 'the storage of this site is full; free some space'
        : cause instanceof Error
          ? cause.message
          : 'the browser aborted the transaction'
      throw new SabotError(
        full ? 'STORAGE_QUOTA' : 'STORAGE_FAILED',
        `${this.description}: ${what} failed: ${reason}`,
        { storage: this.description },
        { cause },
      )
    }
  }
}

/** idb-keyval's createStore, but with strict transactions, and rejected with the error that caused an abort. */
function strictStore(database: string): UseStore {
  let connection: Promise<IDBDatabase> | undefined
  const connect = (): Promise<IDBDatabase> => {
    if (connection) return connection
    const request = indexedDB.open(database)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    const opened = promisifyRequest(request)
    const forget = () => {
      if (connection === opened) connection = undefined
    }
    opened.then(db => {
      db.onclose = forget
      // Another tab deletes the database: holding on would block it.
      db.onversionchange = () => {
        db.close()
        forget()
      }
    }, forget)
    connection = opened
    return opened
  }
  return async (mode, use) => {
    const transaction = (await connect()).transaction(STORE, mode, { durability: 'strict' })
    // A failed request reaches the transaction before the transaction has an error of its own, and a quota that is
    // exceeded at commit shows in `abort` only.
    let failure: DOMException | null = null
    transaction.addEventListener('error', event => {
      if (event.target instanceof IDBRequest) failure ??= event.target.error
    })
    try {
      return await use(transaction.objectStore(STORE))
    } catch (cause) {
      throw cause ?? failure ?? transaction.error
    }
  }
}

/** All keys that begin with these parts: an array sorts behind every number and string. */
function keysUnder(...prefix: IDBValidKey[]): IDBKeyRange {
  return IDBKeyRange.bound(prefix, [...prefix, []])
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1 && chunks[0]) return chunks[0]
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
