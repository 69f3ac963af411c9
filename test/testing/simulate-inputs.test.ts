import { testSeeds } from './simulated-seeds.js'

testSeeds('splits', 'several inputs')
