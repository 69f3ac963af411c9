// npm run typecheck: every part of the tree in the environment it is written for. A file that several environments
// see is complained about once.
import { spawnSync } from 'node:child_process'
import { root, tsc, usage } from './run.mjs'

const environments = ['neutral', 'node', 'browser', 'examples', 'test']

const wanted = process.argv.slice(2)
const unknown = wanted.find(name => !environments.includes(name))
if (unknown) usage(`unknown environment ${unknown}`, `npm run typecheck -- [${environments.join(' | ')}]...`)

const told = new Set()
for (const name of wanted.length > 0 ? wanted : environments) {
  const args = [tsc, '-p', `tsconfig.${name}.json`, '--pretty', 'false']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  for (const line of `${stdout}${stderr}`.split('\n')) {
    if (line !== '' && !told.has(line)) console.log(line)
    told.add(line)
  }
  console.log(`${name}: ${status === 0 ? 'ok' : 'failed'}`)
  if (status !== 0) process.exitCode = 1
}
