import { describe, expect, it } from 'vitest'
import { findChromium } from './chromium.mjs'
import { requiredServices } from './services.mjs'

describe('findChromium', () => {
  const on =
    (...paths: string[]) =>
    (path: string) =>
      paths.includes(path)

  it('prefers CHROMIUM_PATH, then PATH in its order, then the usual places', () => {
    const everywhere = on('/mine/browser', '/a/chromium', '/b/chromium', '/usr/bin/chromium')
    expect(findChromium({ CHROMIUM_PATH: '/mine/browser', PATH: '/a' }, everywhere)).toEqual({ path: '/mine/browser' })
    expect(findChromium({ PATH: '/c:/b:/a' }, everywhere)).toEqual({ path: '/b/chromium' })
    expect(findChromium({}, everywhere)).toEqual({ path: '/usr/bin/chromium' })
  })
  it('tells the reason where there is none', () => {
    expect(findChromium({ PATH: '/a' }, on()).reason).toMatch(/not found: install the package chromium/)
  })
  it('does not pass over a CHROMIUM_PATH that leads nowhere', () => {
    const found = findChromium({ CHROMIUM_PATH: '/gone', PATH: '/a' }, on('/a/chromium'))
    expect(found).toEqual({ reason: 'CHROMIUM_PATH=/gone is not an executable file' })
  })
})

describe('requiredServices', () => {
  it('reads names between commas', () => {
    expect(requiredServices('')).toEqual([])
    expect(requiredServices(' chromium ,')).toEqual(['chromium'])
  })
  it('refuses a name that is no service', () => {
    expect(() => requiredServices('chromium,constructor')).toThrow(
      'the unknown service constructor; there are: chromium',
    )
  })
})
