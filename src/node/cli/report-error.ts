/* Errors on the terminal: code, message, causes; where in the program only when asked. */
import pc from 'picocolors'

export interface ReportOptions {
  /** With stacks. */
  readonly verbose: boolean
}

export function reportError(error: unknown, { verbose }: ReportOptions): void {
  process.stderr.write(`${describeError(error, verbose)}\n`)
}

/** `error CODE: message`, then each cause that says something new. */
export function describeError(error: unknown, verbose: boolean): string {
  const lines = [`${pc.red(`error${codeOf(error)}`)}: ${messageOf(error)}`]
  let said = messageOf(error)
  for (let cause = causeOf(error); cause !== undefined; cause = causeOf(cause)) {
    const message = messageOf(cause)
    const code = codeOf(cause).trim()
    // An error of the system is in the message already, in words and with its code.
    if (!said.includes(message) && !(code !== '' && said.includes(`(${code})`)))
      lines.push(`  because${codeOf(cause)}: ${message}`)
    said += message
  }
  if (verbose) {
    for (let each: unknown = error; each !== undefined; each = causeOf(each)) {
      if (each instanceof Error && each.stack !== undefined) lines.push(pc.dim(each.stack))
    }
  } else if (!isExplained(error)) {
    lines.push(pc.dim('  --verbose shows where it happened'))
  }
  return lines.join('\n')
}

/** An error as JSON: `{code, message, details?, cause?}`. */
export function errorToJSON(error: unknown): object {
  const cause = causeOf(error)
  const details = typeof error === 'object' && error !== null && 'details' in error ? error.details : undefined
  return {
    code: codeOf(error).trim() || 'ERROR',
    message: messageOf(error),
    ...(details === undefined ? {} : { details }),
    ...(cause === undefined ? {} : { cause: errorToJSON(cause) }),
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? ` ${String(error.code)}` : ''
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? (error.cause ?? undefined) : undefined
}

/** An error with a code says what to do; others come from somebody's code. */
function isExplained(error: unknown): boolean {
  if (codeOf(error) === '') return false
  const cause = causeOf(error)
  return cause === undefined || isExplained(cause)
}
