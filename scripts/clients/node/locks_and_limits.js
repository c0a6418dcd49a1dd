// redlock and rate-limiter-flexible: locks and rate limits as Lua scripts.
const assert = require("node:assert/strict");
const Redis = require("ioredis");
const Redlock = require("redlock");
const { RateLimiterRedis, BurstyRateLimiter, RateLimiterQueue } = require("rate-limiter-flexible");

const r = new Redis(Number(process.argv[2]));
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function locks() {
  const redlock = new Redlock([r], { retryCount: 200, retryDelay: 10, retryJitter: 5 });
  let inside = 0, most = 0, turns = 0;
  await Promise.all(Array.from({ length: 10 }, async () => {
    const lock = await redlock.lock("locks:mine", 5000);
    inside += 1;
    most = Math.max(most, inside);
    await sleep(5);
    inside -= 1;
    turns += 1;
    await lock.unlock();
  }));
  assert.deepEqual([most, turns], [1, 10]);
  const impatient = new Redlock([r], { retryCount: 0 });
  const held = await impatient.lock("locks:held", 500);
  await assert.rejects(impatient.lock("locks:held", 500), /exceeded 0 attempts/i);
  const longer = await held.extend(2000);
  assert.ok((await r.pttl("locks:held")) > 1000);
  await longer.unlock();
  const several = await impatient.lock(["locks:a", "locks:b"], 500);
  await assert.rejects(impatient.lock("locks:b", 500));
  await several.unlock();
  await (await impatient.lock("locks:short", 50)).constructor;
  await sleep(80);
  await (await impatient.lock("locks:short", 500)).unlock();
}

async function limits() {
  const limiter = new RateLimiterRedis({ storeClient: r, keyPrefix: "limit", points: 5, duration: 2, blockDuration: 3 });
  for (let left = 4; left >= 0; left -= 1) assert.equal((await limiter.consume("user")).remainingPoints, left);
  await assert.rejects(limiter.consume("user"), (refusal) => refusal.msBeforeNext > 2000);
  assert.equal((await limiter.get("user")).remainingPoints, 0);
  assert.equal(await limiter.delete("user"), true);
  assert.equal((await limiter.consume("user", 2)).remainingPoints, 3);
  await limiter.penalty("user", 1);
  await limiter.reward("user", 2);
  assert.equal((await limiter.get("user")).consumedPoints, 1);
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => limiter.consume("crowd")));
  assert.equal(all.filter((one) => one.status === "fulfilled").length, 5);
  const bursts = new BurstyRateLimiter(
    new RateLimiterRedis({ storeClient: r, keyPrefix: "steady", points: 1, duration: 1 }),
    new RateLimiterRedis({ storeClient: r, keyPrefix: "burst", points: 2, duration: 10 }));
  const burst = await Promise.allSettled(Array.from({ length: 5 }, () => bursts.consume("user")));
  assert.equal(burst.filter((one) => one.status === "fulfilled").length, 3);
  const queue = new RateLimiterQueue(new RateLimiterRedis({ storeClient: r, keyPrefix: "queue", points: 5, duration: 1 }));
  const began = Date.now();
  await Promise.all(Array.from({ length: 8 }, () => queue.removeTokens(1)));
  assert.ok(Date.now() - began >= 500, "a queue lets no more through than its limit");
}

locks().then(limits).then(
  () => { console.log("redlock, rate-limiter-flexible: locks, extension, expiry; limits, bursts, queues"); process.exit(0); },
  (fault) => { console.error(fault); process.exit(1); });
