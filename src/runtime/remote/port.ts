/** One end of a message channel between two threads. Messages are cloned; what is in `transfer` is handed over. */
export interface Port {
  /** @throws what the platform throws for a value that cannot be cloned */
  post(message: unknown, transfer: readonly unknown[]): void
  onMessage(handler: (message: unknown) => void): void
  close(): void
}
