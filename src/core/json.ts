/** What positions, sink states and manifests are made of: it survives JSON.stringify and JSON.parse unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A member of a JSON object; undefined where there is none. For reading back state that an equal version wrote. */
export function memberOf(json: Json, name: string): Json | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && Object.hasOwn(json, name)
    ? (json as { readonly [key: string]: Json })[name]
    : undefined
}

/** A number of a JSON object, or `absent`. */
export function numberMember(json: Json, name: string, absent: number): number {
  const value = memberOf(json, name)
  return typeof value === 'number' ? value : absent
}

/** The numbers of an object of counters within a JSON object. */
export function countersMember(json: Json, name: string): Record<string, number> {
  const counters: Record<string, number> = {}
  const members = memberOf(json, name)
  if (typeof members !== 'object' || members === null) return counters
  for (const [key, value] of Object.entries(members)) if (typeof value === 'number') counters[key] = value
  return counters
}

/** Adds counters to others of the same names. */
export function addCounters(to: Record<string, number>, counters: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counters)) to[name] = (to[name] ?? 0) + count
}
