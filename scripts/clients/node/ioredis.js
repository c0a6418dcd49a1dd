// ioredis: commands, pipelines, transactions, pub/sub, blocking, scripts, scans, automatic pipelining.
const assert = require("node:assert/strict");
const Redis = require("ioredis");

const port = Number(process.argv[2]);

async function main() {
  const r = new Redis(port);
  await r.flushall();
  assert.equal(await r.set("k", "v", "EX", 100), "OK");
  assert.equal(await r.get("k"), "v");
  assert.deepEqual(await r.hgetall("none"), {});
  await r.hset("h", { a: 1, b: 2 });
  assert.deepEqual(await r.hgetall("h"), { a: "1", b: "2" });
  assert.deepEqual(await r.pipeline().incr("n").incr("n").exec(), [[null, 1], [null, 2]]);
  assert.deepEqual(await r.multi().set("a", 1).get("a").exec(), [[null, "OK"], [null, "1"]]);
  await r.zadd("z", 1, "x", 2, "y");
  assert.deepEqual(await r.zrange("z", 0, -1, "WITHSCORES"), ["x", "1", "y", "2"]);
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  await r.set(bytes, bytes);
  assert.deepEqual(await r.getBuffer(bytes), bytes);

  const subscriber = r.duplicate();
  const message = new Promise((done) => subscriber.on("message", (channel, text) => done([channel, text])));
  await subscriber.subscribe("news");
  await r.publish("news", "hello");
  assert.deepEqual(await message, ["news", "hello"]);
  const blocked = r.duplicate();
  const popped = blocked.blpop("queue", 5);
  setTimeout(() => r.rpush("queue", "job"), 50);
  assert.deepEqual(await popped, ["queue", "job"]);
  const keys = [];
  for await (const page of r.scanStream({ match: "[ahz]" })) keys.push(...page);
  assert.deepEqual(keys.sort(), ["a", "h", "z"]);

  // A script by its SHA-1, known to the server after the first call; and forgotten in between.
  r.defineCommand("both", { numberOfKeys: 2, lua: "return {redis.call('GET', KEYS[1]), KEYS[2], ARGV[1]}" });
  assert.deepEqual(await r.both("k", "x", "y"), ["v", "x", "y"]);
  await r.script("FLUSH");
  assert.deepEqual(await r.both("k", "x", "z"), ["v", "x", "z"]);
  await assert.rejects(r.lpush("k", "x"), /WRONGTYPE/);

  const automatic = new Redis(port, { enableAutoPipelining: true });
  const numbers = await Promise.all(Array.from({ length: 500 }, () => automatic.incr("auto")));
  assert.deepEqual(numbers, Array.from({ length: 500 }, (_, i) => i + 1));

  await r.xadd("log", "*", "field", "one");
  const reader = r.duplicate();
  const read = reader.xread("BLOCK", 5000, "STREAMS", "log", "$");
  setTimeout(() => r.xadd("log", "*", "field", "two"), 50);
  assert.deepEqual((await read)[0][1][0][1], ["field", "two"]);

  for (const client of [subscriber, blocked, automatic, reader, r]) client.disconnect();
  console.log("ioredis: commands, pipelines, transactions, pub/sub, blocking, scripts, scans, streams");
}

main().then(() => process.exit(0), (fault) => { console.error(fault); process.exit(1); });
