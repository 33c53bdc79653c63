#!/usr/bin/env node
process.argv.splice(2, 0, 'loadtest')
await import('../bootstrap.mjs')
