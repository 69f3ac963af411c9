/**
 * Sets an own, enumerable field of a plain object. Plain assignment to `__proto__` would change the prototype instead,
 * so that name alone goes the slow way.
 */
export function defineField(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
  } else {
    target[name] = value
  }
}
