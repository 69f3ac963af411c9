/** Where everything of one job lies in the browser: all tabs of a site share these names. */

/** Its Web Lock: whoever holds it may run the job or change what it saved. */
export const jobLockName = (job: string): string => `sabot:${job}`

/** A Web Lock that a worker of a parallel job holds as long as it lives. */
export const newWorkerLockName = (): string => `sabot-worker:${crypto.randomUUID()}`

/** Its IndexedDB database: the checkpoints. */
export const jobDatabase = (job: string): string => `sabot:${job}`

/** Its folder in the origin-private file system: the files that it writes. */
export const jobFolder = (job: string): string => `sabot/${job}`
