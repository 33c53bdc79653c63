#!/usr/bin/env node
process.argv.splice(2, 0, 'mailxctl')
await import('../bootstrap.mjs')
