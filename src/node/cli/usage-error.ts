/** The command line asks for something that is not there: exit code 2, and nothing was started. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code: string

  /** `message` ends with the way out. */
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
