const ADVICE: Readonly<Record<string, string>> = {
  FILE_TRUNCATED: 'Load the checkpoint together with the result files that belong to it, or start over.',
  FILE_NOT_FOUND: 'Check the address of the input, then try again.',
  FILE_UNREADABLE: 'Check the connection, then resume: nothing that was checkpointed is lost.',
  CHECKPOINT_CORRUPT: 'Load it again from an undamaged copy, or start over.',
  NO_VALID_CHECKPOINT: 'Start over, or load a checkpoint from a file.',
  STORAGE_QUOTA: 'Free some space for this site in the settings of the browser, then resume.',
  WORKER_FAILED: 'Reload the page and resume.',
}

/** What a person at this page can do about an error, beyond what its message says; empty where there is nothing more. */
export function adviceOn(code: string): string {
  return ADVICE[code] ?? ''
}
