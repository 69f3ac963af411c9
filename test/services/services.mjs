// The servers and browsers that tests need. SABOT_REQUIRE names, separated by commas, those that must be there.
import { findChromium } from './chromium.mjs'

/** name -> { find: () => { path } | { reason }, files: suffix of the test files that need it } */
export const services = {
  chromium: { find: findChromium, files: '.browser.test.ts' },
}

/** The names in SABOT_REQUIRE; throws for a name that is not a service. */
export function requiredServices(value = process.env.SABOT_REQUIRE ?? '') {
  const names = value.split(',').map(name => name.trim())
  const required = names.filter(name => name !== '')
  const unknown = required.find(name => !Object.hasOwn(services, name))
  if (unknown) {
    throw new Error(
      `SABOT_REQUIRE names the unknown service ${unknown}; there are: ${Object.keys(services).join(', ')}`,
    )
  }
  return required
}
