/* A job that runs with --http, as commands reach it. */
import { isJobView, type JobView } from '../http/job-views.js'
import { DEFAULT_METRICS_PORT } from '../http/metrics-server.js'
import { UsageError } from './usage-error.js'

export const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_METRICS_PORT}`

/** @throws UsageError INVALID_URL */
export function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new UsageError('INVALID_URL', `${text} is no address of a server: write it as ${DEFAULT_URL}`)
}

/** @throws UsageError SERVER_UNREACHABLE, TOKEN_REQUIRED */
export async function fetchJobs(url: URL): Promise<readonly JobView[]> {
  const response = await ask(url, '/jobs')
  const jobs: unknown = response.ok ? await response.json().catch(() => undefined) : undefined
  if (!Array.isArray(jobs) || !jobs.every(isJobView)) {
    throw new UsageError('SERVER_UNREACHABLE', `What answers at ${url.origin} is no job of Sabot (${response.status})`)
  }
  return jobs
}

/**
 * The JSON that the server answered.
 * @throws UsageError SERVER_UNREACHABLE, TOKEN_REQUIRED, and with the server's own code what it refuses
 */
export async function post(url: URL, path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
  const headers = { 'content-type': 'application/json' }
  const response = await ask(url, path, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer: unknown = await response.json().catch(() => ({}))
  const members = typeof answer === 'object' && answer !== null ? { ...answer } : {}
  if (response.ok) return members
  const { error = `HTTP ${response.status}`, code = 'JOB_FAILED' } = members as Readonly<Record<string, unknown>>
  throw new UsageError(String(code), String(error))
}

async function ask(url: URL, path: string, init: RequestInit = {}): Promise<Response> {
  const token = process.env.SABOT_HTTP_TOKEN
  const headers = { ...init.headers, ...(token && { authorization: `Bearer ${token}` }) }
  let response: Response
  try {
    response = await fetch(new URL(path, url), { ...init, headers })
  } catch (cause) {
    throw new UsageError(
      'SERVER_UNREACHABLE',
      `Nothing answers at ${url.origin}: start the job with "sabot run FILE --http ${url.port || DEFAULT_METRICS_PORT}"`,
      { cause },
    )
  }
  if (response.status === 401) {
    throw new UsageError('TOKEN_REQUIRED', `${url.origin} wants a token: set SABOT_HTTP_TOKEN to that of the job`)
  }
  return response
}
