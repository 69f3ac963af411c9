import { describe, expect, it, vi } from 'vitest'
import { IndexedDbCheckpointStorage } from '../../src/browser/indexeddb-storage.js'
import { jobDatabase } from '../../src/browser/job-names.js'
import { checkpointStorageSuite } from '../state/storage-suite.js'

let jobs = 0
const freshJob = (): string => `storage-${++jobs}`
const BYTES = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

for (const chunkBytes of [undefined, 1000]) {
  const names = new Map<object, string>()
  const open = (job: string) => {
    const storage = new IndexedDbCheckpointStorage(job, chunkBytes === undefined ? {} : { chunkBytes })
    names.set(storage, job)
    return storage
  }
  checkpointStorageSuite(
    chunkBytes === undefined ? 'IndexedDB' : `IndexedDB in values of ${chunkBytes} bytes`,
    async () => open(freshJob()),
    {
      reopen: async storage => open(names.get(storage) ?? ''),
      dispose: async storage => void indexedDB.deleteDatabase(jobDatabase(names.get(storage) ?? '')),
    },
  )
}

async function stored(job: string): Promise<[IDBValidKey, unknown][]> {
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(jobDatabase(job))
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const store = db.transaction('checkpoints').objectStore('checkpoints')
  const all = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise(resolve => {
      request.onsuccess = () => resolve(request.result)
    })
  const [keys, values] = await Promise.all([all(store.getAllKeys()), all(store.getAll())])
  db.close()
  return keys.map((key, index) => [key, values[index]])
}

describe('IndexedDB checkpoint storage', () => {
  it('cuts parts into values below the cap, without the buffer behind them', async () => {
    const job = freshJob()
    const storage = new IndexedDbCheckpointStorage(job, { chunkBytes: 4 })
    await storage.writePart(1, 'a', new Uint8Array(1000).subarray(5, 15))
    const values = (await stored(job)).map(([, value]) =>
      value instanceof Uint8Array ? value.buffer.byteLength : value,
    )
    expect(values).toEqual([4, 4, 2, 3])
    expect(await storage.readPart(1, 'a')).toEqual(new Uint8Array(10))
  })

  it('leaves nothing of a longer attempt, of a removed checkpoint, and after clear', async () => {
    const job = freshJob()
    const storage = new IndexedDbCheckpointStorage(job, { chunkBytes: 4 })
    await storage.writePart(1, 'a', BYTES)
    await storage.writePart(1, 'ab', BYTES.subarray(0, 2))
    await storage.writePart(1, 'a', BYTES.subarray(0, 3))
    expect(await storage.readPart(1, 'ab')).toEqual(BYTES.subarray(0, 2))
    expect((await stored(job)).length).toBe(4)
    await storage.writeManifest(1, BYTES)
    await storage.writePart(12, 'a', BYTES)
    await storage.remove(1)
    expect((await stored(job)).map(([key]) => (key as IDBValidKey[])[1])).toEqual([12, 12, 12, 12])
    await storage.clear()
    expect(await stored(job)).toEqual([])
  })

  it('asks for strict durability', async () => {
    const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction')
    await new IndexedDbCheckpointStorage(freshJob()).writeManifest(1, BYTES)
    expect(transaction.mock.calls.map(([, mode, options]) => [mode, options])).toEqual([
      ['readwrite', { durability: 'strict' }],
    ])
    transaction.mockRestore()
  })

  it('is fulfilled when the transaction is complete, not when the request is', async () => {
    const order: string[] = []
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
      value,
      key,
    ) {
      const request = this.add(value, key)
      request.addEventListener('success', () => order.push('request'))
      this.transaction.addEventListener('complete', () => order.push('transaction'))
      return request
    })
    await new IndexedDbCheckpointStorage(freshJob()).writeManifest(1, BYTES)
    order.push('promise')
    put.mockRestore()
    expect(order).toEqual(['request', 'transaction', 'promise'])
  })

  it('reports a full storage, and leaves what was there', async () => {
    const storage = new IndexedDbCheckpointStorage(freshJob())
    await storage.writeManifest(1, BYTES)
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('no room', 'QuotaExceededError')
    })
    const writing = storage.writePart(2, 'a', BYTES)
    await expect(writing).rejects.toMatchObject({ code: 'STORAGE_QUOTA', cause: { name: 'QuotaExceededError' } })
    put.mockRestore()
    expect(await storage.list()).toEqual([1])
    expect(await storage.readPart(2, 'a')).toBeUndefined()
  })

  it('reports an aborted transaction with its cause', async () => {
    const storage = new IndexedDbCheckpointStorage(freshJob())
    await storage.list()
    // A second record of one key fails the request, and with it the transaction.
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
      value,
      key,
    ) {
      this.add(value, key)
      return this.add(value, key)
    })
    const writing = storage.writeManifest(1, BYTES)
    await expect(writing).rejects.toMatchObject({ code: 'STORAGE_FAILED', cause: { name: 'ConstraintError' } })
    put.mockRestore()
    expect(await storage.readManifest(1)).toBeUndefined()
  })

  it('goes on after its database was deleted by another tab', async () => {
    const job = freshJob()
    const storage = new IndexedDbCheckpointStorage(job)
    await storage.writeManifest(1, BYTES)
    await new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase(jobDatabase(job))
      request.onsuccess = resolve
      request.onblocked = () => reject(new Error('blocked'))
    })
    expect(await storage.list()).toEqual([])
    await storage.writeManifest(2, BYTES)
    expect(await storage.list()).toEqual([2])
  })
})
