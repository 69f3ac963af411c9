import { testSeeds } from './simulated-seeds.js'

testSeeds('joins')
