// Node's http server and client: 10 agents at once, streams of 1 MB, a worker thread, a child process.
'use strict';
const { createHash } = require('node:crypto');
const { once } = require('node:events');
const { execFileSync } = require('node:child_process');
const { Worker } = require('node:worker_threads');
const http = require('node:http');

const port = Number(process.env.PORT || 7001);
const clients = 10, rounds = 10;

const sha = (data) => createHash('sha256').update(data).digest('hex');

const server = http.createServer((request, reply) => {
  if (request.method === 'POST') {
    request.pipe(reply);
  } else {
    setTimeout(() => reply.end(`you asked for ${request.url}`), 10);
  }
});

function ask(method, path, agent, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, method, path, agent }, (reply) => {
      const parts = [];
      reply.on('data', (part) => parts.push(part));
      reply.on('end', () => resolve(Buffer.concat(parts)));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function client(number) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let same = 0;
  for (let round = 0; round < rounds; round++) {
    const path = `/${number}/${round}`;
    same += String(await ask('GET', path, agent)) === `you asked for ${path}`;
    const body = Buffer.alloc(round * 100000, `${number},`);
    same += sha(await ask('POST', '/', agent, body)) === sha(body);
  }
  agent.destroy();
  return same;
}

async function main() {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const counts = await Promise.all(Array.from({ length: clients }, (_, n) => client(n)));
  console.log('same answers:', counts.reduce((a, b) => a + b));
  const worker = new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true });
  console.log('worker:', (await once(worker, 'message'))[0]);
  console.log('child:', String(execFileSync('echo', ['hello'])).trim());
  server.close();
  await once(server, 'close');
  await ask('GET', '/').catch((error) => console.log('closed:', error.code));
}

main();
