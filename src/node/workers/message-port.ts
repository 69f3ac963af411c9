import type { MessagePort, Transferable, Worker } from 'node:worker_threads'
import type { Port } from '../../runtime/remote/port.js'

/** A message port of Node, or a worker, as the engine's port. */
export function nodePort(port: MessagePort | Worker): Port {
  return {
    post: (message, transfer) => port.postMessage(message, transfer as Transferable[]),
    onMessage: handler => void port.on('message', handler),
    close: () => ('close' in port ? port.close() : undefined),
  }
}
