// As testcontainers/ryuk: is told labels, one filter a line, and removes the containers that bear them
// some time after the last who told it has gone.
import { request } from 'node:http'
import { createServer } from 'node:net'

const REMOVE_AFTER_MS = 10_000
const filters = new Set()
let open = 0
let timer

const engine = (method, path) =>
  new Promise((resolve, reject) => {
    const call = request({ socketPath: '/var/run/docker.sock', method, path }, (answer) => {
      let text = ''
      answer.on('data', (piece) => (text += piece))
      answer.on('end', () => resolve(text))
    })
    call.on('error', reject).end()
  })

async function remove() {
  for (const filter of filters) {
    const label = filter.split('&').map((part) => decodeURIComponent(part).replace(/^label=/, ''))
    const query = encodeURIComponent(JSON.stringify({ label }))
    const containers = JSON.parse(await engine('GET', `/containers/json?all=1&filters=${query}`))
    for (const { Id, Labels } of containers) {
      if (Labels['org.testcontainers.ryuk'] === 'true') continue
      await engine('DELETE', `/containers/${Id}?force=1&v=1`)
    }
  }
  process.exit(0)
}

createServer((socket) => {
  open += 1
  clearTimeout(timer)
  let rest = ''
  socket.on('data', (piece) => {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      if (line.trim() !== '') filters.add(line.trim())
      socket.write('ACK\n')
    }
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    open -= 1
    if (open === 0) timer = setTimeout(remove, REMOVE_AFTER_MS)
  })
}).listen(8080, () => console.log('Started'))
process.on('SIGTERM', () => process.exit(0))
