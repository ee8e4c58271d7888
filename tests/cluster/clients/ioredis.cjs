// ioredis against a cluster: node ioredis.cjs HOST PORT FOLDER, with the library on NODE_PATH.
//
// Checks pipelines and errors, then writes through one client until FOLDER/stop exists, and reads everything back.
// FOLDER/acknowledged and FOLDER/errors say how far it is. Exits with an error if anything is not as it should be.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const Redis = require("ioredis");

const [host, port, folder] = process.argv.slice(2);

function connect() {
  const client = new Redis({
    host,
    port: Number(port),
    // Until a node is back, and what was sent before is sent again.
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  });
  // Being disconnected is part of the test; without a listener it would end the process.
  client.on("error", () => {});
  return client;
}

async function basics(client) {
  await client.flushall();
  assert.equal(await client.ping(), "PONG");
  assert.equal(await client.set("a", "x", "EX", 100), "OK");
  assert.equal(await client.get("a"), "x");
  assert.equal(await client.get("none"), null);
  await client.mset(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`m:${n}`, n])));
  assert.deepEqual(await client.mget("m:0", "none", "m:49"), ["0", null, "49"]);
  assert.equal(await client.del("m:0", "m:1", "none"), 2);
  await assert.rejects(client.incr("a"), /not an integer/);
  const pipeline = client.pipeline();
  for (let n = 0; n < 1000; n++) pipeline.set(`p:${n}`, n);
  for (let n = 0; n < 1000; n++) pipeline.get(`p:${n}`);
  const replies = await pipeline.exec();
  assert.deepEqual(replies.slice(0, 1000), Array(1000).fill([null, "OK"]));
  assert.deepEqual(replies.slice(1000), Array.from({ length: 1000 }, (_, n) => [null, String(n)]));
  const found = new Set();
  for await (const keys of client.scanStream({ match: "p:*", count: 100 })) keys.forEach((key) => found.add(key));
  assert.equal(found.size, 1000);
  const large = Buffer.alloc(3_000_000, 7);
  assert.equal(await client.set("large", large), "OK");
  assert.ok(large.equals(await client.getBuffer("large")));
}

// Atomically, as the test may read at any time.
function say(name, number) {
  const file = path.join(folder, name);
  fs.writeFileSync(`${file}.new`, String(number));
  fs.renameSync(`${file}.new`, file);
}

async function writeUntilTold(client) {
  const acknowledged = [];
  let errors = 0;
  for (let sequence = 0; !fs.existsSync(path.join(folder, "stop")); sequence++) {
    try {
      assert.equal(await client.set(`w:${sequence}`, sequence), "OK");
      acknowledged.push(sequence);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      say("errors", ++errors);
    }
    say("acknowledged", acknowledged.length);
  }
  for (let begin = 0; begin < acknowledged.length; begin += 500) {
    const part = acknowledged.slice(begin, begin + 500);
    const found = await client.mget(part.map((sequence) => `w:${sequence}`));
    assert.deepEqual(found, part.map(String), "an acknowledged write is lost");
  }
  console.log(`${acknowledged.length} acknowledged, ${errors} errors`);
}

async function main() {
  say("errors", 0);
  const client = connect();
  await basics(client);
  await writeUntilTold(client);
  client.disconnect();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
