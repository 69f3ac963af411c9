import { testSeeds } from './simulated-seeds.js'

testSeeds('windows')
