import { testSeeds } from './simulated-seeds.js'

testSeeds('functions', 'sessions')
