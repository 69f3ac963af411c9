import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { describeValue, SabotError } from '../../core/errors.js'
import { checkExposure, refusalOf } from './access.js'
import { CONTROL_ACTIONS, controlJob, isControlAction } from './job-control.js'
import { jobMetricsText } from './job-metrics-text.js'
import { jobView, type ServedJob } from './job-views.js'
import { PROMETHEUS_CONTENT_TYPE } from './prometheus-text.js'

export interface MetricsServerOptions {
  /** Asked for anew at each request. */
  readonly jobs: () => readonly ServedJob[]
  /** The address to listen on. Default 127.0.0.1: this machine only. */
  readonly host?: string
  /** 0: one that is free. Default 9464, which OpenTelemetry's Prometheus exporters use. */
  readonly port?: number
  /** What whoever asks must send, as `Authorization: Bearer ...`; needed where the address is not loopback. */
  readonly token?: string | undefined
}

export interface MetricsServer {
  /** Where it listens: http://127.0.0.1:9464 */
  readonly url: string
  close(): Promise<void>
}

export const DEFAULT_METRICS_PORT = 9464
const PATHS = ['/health', '/jobs', '/jobs/NAME', '/metrics']
const CONTROL = CONTROL_ACTIONS.map(action => `/jobs/NAME/${action}`)

/**
 * Serves what jobs tell of themselves: `/metrics` in the text format of Prometheus, `/jobs` and `/jobs/NAME` as JSON,
 * `/health` with status 200, or 503 when a job has failed. Jobs with a `control` take POST with a JSON body at
 * `/jobs/NAME/checkpoint`, `savepoint`, `rescale` ({"parallelism": 4}), `stop` ({"drain": true, "savepoint": true}) and
 * `cancel`: see controlJob.
 * @throws SabotError TOKEN_REQUIRED, ADDRESS_UNAVAILABLE, INVALID_OPTION
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const { jobs, host = '127.0.0.1', port = DEFAULT_METRICS_PORT, token } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SabotError('INVALID_OPTION', `A port is a number from 0 to 65535, not ${describeValue(port)}`, { port })
  }
  checkExposure(host, token)
  const server = createServer((request, response) => answer(request, response, { jobs, host, token }))
  await listen(server, host, port)
  // Whoever runs the job ends it; what is being asked does not keep a process alive.
  server.unref()
  return { url: urlOf(server, host), close: () => close(server) }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { jobs, host, token }: Required<Pick<MetricsServerOptions, 'jobs' | 'host' | 'token'>>,
): void {
  const send = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void => {
    const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`
    const type = { 'content-type': 'application/json; charset=utf-8' }
    response.writeHead(status, {
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...type,
      ...headers,
    })
    response.end(request.method === 'HEAD' ? undefined : text)
  }
  try {
    const refusal = refusalOf(request, host, token)
    if (refusal !== undefined) {
      send(refusal.status, { error: refusal.message })
      return
    }
    const [path = ''] = (request.url ?? '').split('?')
    const [, name, action = ''] = /^\/jobs\/([^/]+)\/([a-z]+)$/.exec(path) ?? []
    const control = jobs().find(({ handle }) => handle.name === name)?.control
    if (control !== undefined && isControlAction(action)) {
      if (request.method !== 'POST') {
        send(405, { error: 'send it with POST' }, { allow: 'POST' })
        return
      }
      const failed = (cause: unknown): void => send(500, { error: messageOf(cause) })
      void controlJob(control, action, request).then(({ status, body }) => send(status, body), failed)
      return
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(405, { error: 'this is only to be read', control: CONTROL }, { allow: 'GET, HEAD' })
      return
    }
    if (path === '/metrics') {
      send(200, jobMetricsText(jobs().map(({ handle }) => handle)), { 'content-type': PROMETHEUS_CONTENT_TYPE })
    } else if (path === '/health') {
      const states = jobs().map(({ handle: { name, status } }) => ({ name, status }))
      const isFailing = states.some(({ status }) => status === 'failed')
      send(isFailing ? 503 : 200, { status: isFailing ? 'failing' : 'ok', jobs: states })
    } else if (path === '/jobs') {
      send(200, jobs().map(jobView))
    } else {
      const job = jobs().find(({ handle }) => path === `/jobs/${handle.name}`)
      if (job === undefined) send(404, { error: 'there is nothing here', paths: PATHS })
      else send(200, jobView(job))
    }
  } catch (cause) {
    send(500, { error: messageOf(cause) })
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'something else listens there' : cause.message
      reject(
        new SabotError(
          'ADDRESS_UNAVAILABLE',
          `Metrics cannot be served on ${host}:${port}: ${reason}. Take another port, or 0 for one that is free`,
          { host, port },
          { cause },
        ),
      )
    })
    server.listen(port, host, resolve)
  })
}

function urlOf(server: Server, host: string): string {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
