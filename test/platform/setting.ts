/**
 * How much a test does: the number in the environment variable `name`, or `usual`. A page has no environment, and does
 * what is usual.
 */
export function setting(name: string, usual: number): number {
  const text = typeof process === 'undefined' ? undefined : process.env[name]
  if (text === undefined || text === '') return usual
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`${name}: a whole number is needed, got '${text}'`)
  return value
}
