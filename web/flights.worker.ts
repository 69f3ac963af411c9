import { serveJobs } from 'sabot/browser'
import flights from '../examples/flights.js'

serveJobs({ flights })
