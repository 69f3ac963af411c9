// Stands in for the types of Node where neutral code is compiled (tsconfig.neutral.json), so that a library's
// `/// <reference types="node" />` brings no global of Node with it. Left empty on purpose.
export {}
