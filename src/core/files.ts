/**
 * The few things that connectors need of a file system. Each environment brings its own: paths on Node, URLs to read
 * and origin-private files to write in a browser, buffers in tests.
 */
export interface Files {
  /** Opens a file for reading at any offset. Fails with FILE_NOT_FOUND or FILE_UNREADABLE. */
  openRead(path: string): Promise<ReadableFile>
  /**
   * Opens a file for appending and creates it (and its directories) when it is missing. One writer at a time.
   * Fails with FILE_UNWRITABLE.
   */
  openAppend(path: string): Promise<AppendableFile>
  /** What a file system has besides; undefined where there is only reading and appending by name. */
  readonly directories?: Directories
}

/** Names of files: paths are as for `openRead`, their parts divided by '/'. */
export interface Directories {
  /**
   * What is in a directory, in no particular order; undefined when `path` is no directory or is not there. An empty path
   * is the place that relative paths start from. Fails with FILE_UNREADABLE.
   */
  list(path: string): Promise<readonly DirectoryEntry[] | undefined>
  /**
   * Gives a file another name, in place of a file that has it. When the promise is fulfilled the new name would survive
   * a crash; before, there is the old name or the new one, never both or none. Creates the directories of the new name.
   * Fails with FILE_NOT_FOUND, FILE_UNWRITABLE.
   */
  rename(from: string, to: string): Promise<void>
  /** Removes a file; one that is not there is no mistake. Fails with FILE_UNWRITABLE. */
  remove(path: string): Promise<void>
}

export interface DirectoryEntry {
  readonly name: string
  readonly kind: 'file' | 'directory'
  /** When a file was written last, ms since the epoch; 0 for directories. */
  readonly modifiedMs: number
}

export interface ReadableFile {
  /** As it was when the file was opened; Infinity where only reading to the end tells. */
  readonly sizeBytes: number
  /** Whether only ascending offsets can be read, each byte once: a pipe, or a body without ranges. Default: false. */
  readonly isSequential?: boolean
  /** What tells the file from others that have or had its name, such as its inode; undefined: not known. */
  readonly identity?: string
  /** What changes when the content does, such as an entity tag; undefined: not known. */
  readonly version?: string
  /**
   * Exactly `length` bytes from `offset`; fewer only where the file ends, which for a file that grows is its present end.
   * A sequential file gives fewer where no more have come yet, but none only at its end. What an earlier read of this
   * file gave and nobody needs any more may be given as `spare`, to be read over.
   */
  read(offset: number, length: number, spare?: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

export interface AppendableFile {
  /** The size including all appended bytes, in bytes. */
  readonly sizeBytes: number
  /** The bytes may be reused by the caller once the promise is fulfilled. */
  append(bytes: Uint8Array): Promise<void>
  /** Fulfilled when all appended bytes would survive a crash of the process and the machine. */
  flush(): Promise<void>
  /** Cuts the file to `sizeBytes`; a file that is shorter is refused with FILE_TRUNCATED. */
  truncate(sizeBytes: number): Promise<void>
  close(): Promise<void>
}
