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
}

export interface ReadableFile {
  readonly sizeBytes: number
  /** Exactly `length` bytes from `offset`; fewer only where the file ends. */
  read(offset: number, length: number): Promise<Uint8Array>
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
