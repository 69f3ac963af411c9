export const services: Record<
  string,
  { find: () => { path: string; reason?: never } | { path?: never; reason: string }; files: string }
>

export function requiredServices(value?: string): string[]
