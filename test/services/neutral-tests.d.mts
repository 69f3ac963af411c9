/** Paths from `root` of the tests that run in Chromium as they do in Node. */
export function neutralTests(root: string): string[]
