import type { Port } from '../runtime/remote/port.js'

/** A message port of a page or worker as the engine's port. */
export function webPort(port: MessagePort): Port {
  return {
    post: (message, transfer) => port.postMessage(message, transfer as Transferable[]),
    onMessage: handler => {
      port.addEventListener('message', ({ data }) => handler(data))
      port.start()
    },
    close: () => port.close(),
  }
}
