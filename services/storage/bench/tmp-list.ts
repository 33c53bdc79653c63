import { startPostgres } from '@mailx/backends/start-postgres'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { logMigrations, migrate } from '@mailx/event-log/migrate'
import { ensureCheckpointTables } from '@mailx/processors/checkpoint'
import { readFileSync } from 'node:fs'
const postgres = await startPostgres({ own: true, say: () => {} })
const pool = await connectPostgres({ url: postgres.url, applicationName: 'bench', max: 1 })
await migrate(pool, logMigrations)
await migrate(pool, { schema: 'storage', dir: new URL('../migrations/', import.meta.url) })
await ensureCheckpointTables(pool, 'storage')
await pool.query(`insert into storage.entries_submitted select 'bob@a.test', 'submission-'||(n%2), n/2+1, decode(lpad(to_hex(n),32,'0'),'hex'),'alice@a.test',n,n,2000,decode(lpad(to_hex(n),64,'0'),'hex'),decode(lpad(to_hex(n),64,'1'),'hex') from generate_series(0,299999) n`)
await pool.query(`insert into storage.entries_submitted select 'u'||(n%1000)||'@a.test', 'submission-'||(n%2), 1000000+n/2+1, decode(lpad(to_hex(n),32,'f'),'hex'),'alice@a.test',n,n,2000,decode(lpad(to_hex(n),64,'2'),'hex'),decode(lpad(to_hex(n),64,'3'),'hex') from generate_series(0,99999) n`)
await pool.query(`insert into storage.entry_changes select 'bob@a.test', decode(lpad(to_hex(n),32,'0'),'hex'), '{seen}', n%3=0,'mailbox-0', n+1, n from generate_series(0,99999) n`)
await pool.query(`insert into storage.attachments_submitted select decode(lpad(to_hex(n),64,'4'),'hex'), decode(lpad(to_hex(n),64,'0'),'hex') from generate_series(0,99999) n`)
await pool.query(`insert into storage.remote_copies select decode(lpad(to_hex(n),32,'f'),'hex'), 'x@c.test', 'alice@a.test', decode(lpad(to_hex(n),64,'2'),'hex'),decode(lpad(to_hex(n),64,'3'),'hex') from generate_series(0,99999) n`)
await pool.query(`insert into storage.outcomes select decode(lpad(to_hex(n),32,'f'),'hex'), 'x@c.test', 'alice@a.test', 'delivered','','',false,n,'delivery-0',n+1 from generate_series(0,99999) n`)
await pool.query(`insert into mail.blobs select decode(lpad(to_hex(n),64,'4'),'hex'), '\\x00', 1, false from generate_series(0,99999) n`)
await pool.query(`insert into log.contexts values ('mailbox',1),('delivery',1); insert into log.partitions(name,context) values ('mailbox-0','mailbox'),('delivery-0','delivery')`)
await pool.query('vacuum analyze')
const load = (file: string, from: string, to: string, name: string) => { const src = readFileSync(new URL('../src/'+file, import.meta.url),'utf8'); const a=src.indexOf(from); const js = src.slice(a, to ? src.indexOf(to, a) : undefined).replace(/\((\w+): string(, \w+: string)*\)/g,(m)=>m.replace(/: string/g,'')).replace(/^export /gm,''); return (new Function(js+`; return ${name}`))() }
const hex = (p: string, n: number) => Buffer.from(n.toString(16).padStart(64,p),'hex')
const id = (p: string, n: number) => Buffer.from(n.toString(16).padStart(32,p),'hex')
const time = async (label: string, q: any, values: unknown[], plan = false) => {
  const s = typeof q === 'string' ? { name: label, text: q } : q
  for (let i=0;i<8;i++) await pool.query({ ...s, values })
  const t=performance.now(); for (let i=0;i<30;i++) await pool.query({ ...s, values })
  console.log(label, ((performance.now()-t)/30).toFixed(2),'ms')
}
const list = load('rpc/list-messages.ts','const newEntries','type Row','changesAfter')
const v = (pos: number, m: number) => ['bob@a.test', ['submission-0','submission-1'], [pos,pos], ['reception-0'], [0], 'mailbox-0', m, 101]
await time('list start', list, v(0,0)); await time('list near end', list, v(149990,99990)); await time('list end', list, v(150000,100000))
const ids = Array.from({length:50},(_, n)=>id('0',n*1000))
await time('live', load('rpc/fetch-messages.ts','const liveEntries','type Row','liveEntries'), ['bob@a.test', ids])
await time('named', load('rpc/fetch-blobs.ts','const namedBlobs','/**','namedBlobs'), ['bob@a.test', [hex('4',5),hex('4',77)]])
await time('known', load('rpc/known-messages.ts','const knownMessages','type Row','knownMessages'), ['bob@a.test', ids])
await time('arrivals', load('rpc/get-delivery-status.ts','const arrivals','/**','arrivals'), ['alice@a.test', ids, ids.map(()=>'bob@a.test')])
await time('outcomes', load('rpc/get-delivery-status.ts','const outcomesOf','type Outcome','outcomesOf'), ['alice@a.test', ids])
await time('changed', load('reactors/announce-owner-changes.ts','const changedEntries','type Row','changedEntries'), ['bob@a.test', ids])
await time('deleted', load('reactors/erase-blobs.ts','const deletedAfter','const deliveredAfter','deletedAfter'), [99999999, 500])
await time('delivered', load('reactors/erase-blobs.ts','const deliveredAfter','const candidates','deliveredAfter'), [99999999, 500])
const h = Array.from({length:500},(_, n)=>hex(n%2?'4':'0',n*100))
await time('needed content', load('reactors/needed-blobs.ts','const heldByContent','const heldAsEnvelope','heldByContent'), [h])
await time('needed envelope', load('reactors/needed-blobs.ts','const heldAsEnvelope','/**','heldAsEnvelope'), [Array.from({length:50},(_, n)=>hex('1',n*100)), Array.from({length:50},(_, n)=>id('0',n*100)), Array.from({length:50},()=>'bob@a.test')])
await pool.end(); await postgres.stop()
