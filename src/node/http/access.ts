/* Who may ask a server: Host and Origin are checked, and a token is wanted where it can be reached from elsewhere. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { SabotError } from '../../core/errors.js'

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '::1'])

export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host)
}

/** @throws SabotError TOKEN_REQUIRED for an address that others can reach, without a token */
export function checkExposure(host: string, token: string | undefined): void {
  if (isLoopback(host) || (token !== undefined && token !== '')) return
  throw new SabotError(
    'TOKEN_REQUIRED',
    `${host} can be reached from other machines: give a token that whoever asks must send, or listen on 127.0.0.1`,
    { host },
  )
}

export type Refusal = { readonly status: number; readonly message: string }

/**
 * Why a request is refused; undefined: it is not. On loopback the Host must name this machine, so that a page elsewhere
 * cannot reach it under a name of its own (DNS rebinding); a foreign Origin is refused everywhere.
 */
export function refusalOf(request: IncomingMessage, host: string, token: string | undefined): Refusal | undefined {
  const asked = hostOf(request.headers.host)
  if (isLoopback(host) && (asked === undefined || !isLoopback(asked))) {
    return { status: 403, message: 'this server answers under the name localhost only' }
  }
  const { origin } = request.headers
  if (origin !== undefined && origin !== `http://${request.headers.host}`) {
    return { status: 403, message: 'pages of other origins may not ask' }
  }
  if (token !== undefined && token !== '' && !isEqual(request.headers.authorization ?? '', `Bearer ${token}`)) {
    return { status: 401, message: 'send the header "Authorization: Bearer TOKEN"' }
  }
  return undefined
}

/** The name in a Host header, without port and brackets. */
function hostOf(header: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]+))(?::\d+)?$/.exec(header ?? '')
  return (match?.[1] ?? match?.[2])?.toLowerCase()
}

/** In a time that tells nothing of where they differ. */
function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
