// Finds Chromium: $CHROMIUM_PATH, then the names it has on PATH, then the places where it is usually installed.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome']
const PLACES = [
  '/usr/bin/chromium',
  '/usr/lib/chromium/chromium',
  '/snap/bin/chromium',
  '/opt/google/chrome/chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** `{ path }`, or `{ reason }` where there is none. A CHROMIUM_PATH that leads nowhere is not passed over. */
export function findChromium(env = process.env, isFile = isExecutable) {
  if (env.CHROMIUM_PATH) {
    if (isFile(env.CHROMIUM_PATH)) return { path: env.CHROMIUM_PATH }
    return { reason: `CHROMIUM_PATH=${env.CHROMIUM_PATH} is not an executable file` }
  }
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean)
  const candidates = [...NAMES.flatMap(name => folders.map(folder => join(folder, name))), ...PLACES]
  const path = candidates.find(isFile)
  if (path) return { path }
  return { reason: 'Chromium was not found: install the package chromium, or set CHROMIUM_PATH' }
}

/** What keeps Chromium quiet and lets it run in containers. */
export const chromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]
