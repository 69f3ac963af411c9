/** A wish to be woken: `wait` is fulfilled by the next `raise`, or at once when one came since the last `wait`. */
export class Signal {
  private raised = false
  private waiter: (() => void) | undefined

  raise(): void {
    this.raised = true
    this.waiter?.()
    this.waiter = undefined
  }

  wait(): Promise<void> {
    if (this.raised) {
      this.raised = false
      return Promise.resolve()
    }
    return new Promise(resolve => {
      this.waiter = () => {
        this.raised = false
        resolve()
      }
    })
  }
}
