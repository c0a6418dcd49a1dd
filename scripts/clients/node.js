// ioredis and node-redis: the calls that programs make most.
const assert = require("assert");
const Redis = require("ioredis");
const { createClient } = require("redis");
const port = Number(process.argv[2]);

async function ioredis() {
  const r = new Redis({ port, lazyConnect: true });
  await r.connect();
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
  const subscriber = r.duplicate();
  const message = new Promise((done) => subscriber.on("message", (channel, text) => done([channel, text])));
  await subscriber.subscribe("news");
  await r.publish("news", "hello");
  assert.deepEqual(await message, ["news", "hello"]);
  const blocked = r.duplicate().blpop("queue", 5);
  setTimeout(() => r.rpush("queue", "job"), 50);
  assert.deepEqual(await blocked, ["queue", "job"]);
  const keys = [];
  for await (const page of r.scanStream({ match: "[akn]" })) keys.push(...page);
  assert.deepEqual(keys.sort(), ["a", "k", "n"]);
  console.log("ioredis: passed");
}

async function nodeRedis() {
  for (const RESP of [2, 3]) {
    const r = createClient({ url: `redis://127.0.0.1:${port}`, RESP });
    await r.connect();
    await r.flushAll();
    assert.equal(await r.set("k", "v"), "OK");
    assert.equal(await r.get("k"), "v");
    await r.hSet("h", { a: "1", b: "2" });
    assert.deepEqual({ ...(await r.hGetAll("h")) }, { a: "1", b: "2" });
    assert.deepEqual(await r.multi().incr("n").incr("n").exec(), [1, 2]);
    await r.zAdd("z", [{ score: 1.5, value: "x" }]);
    assert.deepEqual(JSON.parse(JSON.stringify(await r.zRangeWithScores("z", 0, -1))), [{ value: "x", score: 1.5 }]);
    assert.deepEqual([...(await r.sMembers("none"))], []);
    await r.close();
  }
  console.log("node-redis: passed");
}

ioredis().then(nodeRedis).then(() => process.exit(0), (fault) => { console.error(fault); process.exit(1); });
