// node-redis over RESP2 and RESP3: commands, transactions with WATCH, pools, pub/sub, scans, scripts.
const assert = require("node:assert/strict");
const { createClient, createClientPool, defineScript } = require("redis");

const port = Number(process.argv[2]);
const url = `redis://127.0.0.1:${port}`;
const plain = (value) => JSON.parse(JSON.stringify(value));

const scripts = {
  add: defineScript({
    SCRIPT: "return redis.call('INCRBY', KEYS[1], ARGV[1])", NUMBER_OF_KEYS: 1,
    parseCommand(parser, key, number) { parser.pushKey(key); parser.push(number.toString()); },
    transformReply: (reply) => reply,
  }),
};

async function work(RESP) {
  const r = createClient({ url, RESP, scripts });
  await r.connect();
  await r.flushAll();
  assert.equal(await r.set("k", "v"), "OK");
  assert.equal(await r.get("k"), "v");
  await r.hSet("h", { a: "1", b: "2" });
  assert.deepEqual({ ...(await r.hGetAll("h")) }, { a: "1", b: "2" });
  assert.deepEqual(await r.multi().incr("n").incr("n").exec(), [1, 2]);
  await r.zAdd("z", [{ score: 1.5, value: "x" }]);
  assert.deepEqual(plain(await r.zRangeWithScores("z", 0, -1)), [{ value: "x", score: 1.5 }]);
  assert.equal(await r.zScore("z", "x"), 1.5);
  assert.deepEqual([...(await r.sMembers("none"))], []);
  assert.equal(await r.add("n", 40), 42);
  const found = [];
  for await (const keys of r.scanIterator({ MATCH: "[hknz]" })) found.push(...keys);
  assert.deepEqual(found.sort(), ["h", "k", "n", "z"]);

  const other = r.duplicate();
  await other.connect();
  await r.watch("n");
  await other.set("n", "changed");
  await assert.rejects(r.multi().set("n", "1").exec(), /watched/i);

  const heard = [];
  await other.subscribe("news", (text) => heard.push(text));
  await other.pSubscribe("n*", (text, channel) => heard.push(`${channel}: ${text}`));
  await r.publish("news", "hello");
  while (heard.length < 2) await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual(heard.sort(), ["hello", "news: hello"]);
  await other.unsubscribe("news");
  await other.pUnsubscribe("n*");
  assert.equal(String(await other.ping()), "PONG");
  await other.close();
  await r.close();
}

async function pool() {
  const clients = await createClientPool({ url }).connect();
  assert.equal(await clients.del("queue"), 0);
  const [popped] = await Promise.all([
    clients.execute((client) => client.blPop("queue", 5)),
    new Promise((done) => setTimeout(done, 50)).then(() => clients.rPush("queue", "job")),
  ]);
  assert.deepEqual(plain(popped), { key: "queue", element: "job" });
  await clients.close();
}

work(2).then(() => work(3)).then(pool).then(
  () => { console.log("node-redis: RESP2 and RESP3, transactions, pub/sub, scans, scripts, pool"); process.exit(0); },
  (fault) => { console.error(fault); process.exit(1); });
