#!/usr/bin/env node
process.argv.splice(2, 0, 'mailx')
await import('../bootstrap.mjs')
