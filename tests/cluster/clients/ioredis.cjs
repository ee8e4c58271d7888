// ioredis against a cluster: node ioredis.cjs HOST PORT FOLDER, with the library on NODE_PATH.
//
// Checks what a client is used for, then writes through one client until FOLDER/stop exists, and reads everything back.
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

async function collections(client) {
  assert.equal(await client.hset("hash", { a: 1, b: 2 }), 2);
  assert.deepEqual(await client.hgetall("hash"), { a: "1", b: "2" });
  assert.equal(await client.rpush("list", 1, 2, 3), 3);
  assert.deepEqual(await client.lrange("list", 1, -1), ["2", "3"]);
  assert.equal(await client.sadd("set", "x", "y", "x"), 2);
  assert.equal(await client.zadd("zset", 1, "one", 2.5, "two"), 2);
  assert.deepEqual(await client.zrange("zset", 0, -1, "WITHSCORES"), ["one", "1", "two", "2.5"]);
  const entry = await client.xadd("stream", "*", "field", "value");
  assert.deepEqual(await client.xread("STREAMS", "stream", "0"), [["stream", [[entry, ["field", "value"]]]]]);
  assert.equal(await client.call("JSON.SET", "json", "$", '{"a":[1,2]}'), "OK");
  assert.equal(await client.call("JSON.GET", "json", "$.a[1]"), "[2]");
}

async function transactions(client) {
  const replies = await client.multi().set("{tx}a", 1).incr("{tx}a").exec();
  assert.deepEqual(replies, [[null, "OK"], [null, 2]]);
  const other = connect();
  await client.watch("{tx}a");
  await other.set("{tx}a", "changed");
  assert.equal(await client.multi().set("{tx}a", "mine").exec(), null, "a watched key was changed");
  assert.equal(await client.eval("return redis.call('INCRBY', KEYS[1], ARGV[1])", 1, "{tx}n", 5), 5);
  client.defineCommand("double", { numberOfKeys: 1, lua: "return redis.call('GET', KEYS[1]) * 2" });
  assert.equal(await client.double("{tx}n"), 10);
  other.disconnect();
}

// A client that waits, and messages to one that listens.
async function waiting(client) {
  const other = connect();
  const waits = other.blpop("queue", 10);
  await client.rpush("queue", "job");
  assert.deepEqual(await waits, ["queue", "job"]);
  assert.equal(await other.blpop("queue", 0.1), null);
  assert.equal(await other.subscribe("news"), 1);
  const heard = new Promise((resolve) => other.on("message", (channel, message) => resolve([channel, message])));
  await client.publish("news", "hello");
  assert.deepEqual(await heard, ["news", "hello"]);
  other.disconnect();
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
  for (const check of [basics, collections, transactions, waiting]) await check(client);
  await writeUntilTold(client);
  client.disconnect();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
