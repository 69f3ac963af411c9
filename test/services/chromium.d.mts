export function findChromium(
  env?: Record<string, string | undefined>,
  isFile?: (path: string) => boolean,
): { path: string; reason?: never } | { path?: never; reason: string }

export const chromiumArguments: string[]
