// BullMQ: queues and workers, delays, repeats, retries, priorities, rate limits, flows, events. All of it is Lua scripts over lists, sorted sets,
// hashes and streams.
const assert = require("node:assert/strict");
const { Queue, Worker, QueueEvents, FlowProducer, UnrecoverableError } = require("bullmq");

const connection = { host: "127.0.0.1", port: Number(process.argv[2]), maxRetriesPerRequest: null };
const WAIT_MS = 20000;
const open = [];
const keep = (thing) => { open.push(thing); thing.on?.("error", (fault) => { throw fault; }); return thing; };
const until = async (what, holds) => {
  const end = Date.now() + WAIT_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
};

async function jobs() {
  const queue = keep(new Queue("work", { connection }));
  const events = keep(new QueueEvents("work", { connection }));
  await events.waitUntilReady();
  const seen = [];
  keep(new Worker("work", async (job) => {
    seen.push(job.name);
    if (job.name === "stubborn" && job.attemptsMade < 2) throw new Error("not yet");
    if (job.name === "bad") throw new UnrecoverableError("on purpose");
    await job.updateProgress(50);
    return job.data.n * 2;
  }, { connection, concurrency: 4 }));
  const added = await queue.addBulk(Array.from({ length: 50 }, (_, n) => ({ name: "double", data: { n } })));
  assert.deepEqual(await Promise.all(added.map((job) => job.waitUntilFinished(events, WAIT_MS))), added.map((_, n) => 2 * n));
  const began = Date.now();
  const late = await queue.add("late", { n: 4 }, { delay: 500 });
  assert.equal(await late.waitUntilFinished(events, WAIT_MS), 8);
  assert.ok(Date.now() - began >= 490, "a delayed job ran at once");
  const stubborn = await queue.add("stubborn", { n: 5 }, { attempts: 5, backoff: { type: "exponential", delay: 20 } });
  assert.equal(await stubborn.waitUntilFinished(events, WAIT_MS), 10);
  assert.equal(seen.filter((name) => name === "stubborn").length, 3);
  const bad = await queue.add("bad", {}, { attempts: 5 });
  await assert.rejects(bad.waitUntilFinished(events, WAIT_MS), /on purpose/);
  assert.equal(await bad.getState(), "failed");
  await until("counts", async () => {
    const counts = await queue.getJobCounts();
    return counts.completed === 52 && counts.failed === 1 && counts.active === 0;
  });
  await queue.upsertJobScheduler("tick", { every: 200 }, { name: "tick", data: { n: 1 } });
  await until("a repeated job", () => seen.filter((name) => name === "tick").length >= 3);
  assert.equal(await queue.removeJobScheduler("tick"), true);
  await queue.drain(true);
}

async function order() {
  const queue = keep(new Queue("order", { connection }));
  for (const [name, priority] of [["c", 9], ["a", 1], ["b", 5]]) await queue.add(name, {}, { priority });
  await queue.pause();
  const seen = [];
  keep(new Worker("order", async (job) => { seen.push(job.name); }, { connection }));
  await new Promise((done) => setTimeout(done, 100));
  assert.deepEqual(seen, [], "a paused queue runs nothing");
  await queue.resume();
  await until("jobs by priority", () => seen.length === 3);
  assert.deepEqual(seen, ["a", "b", "c"]);
}

async function limits() {
  const queue = keep(new Queue("limited", { connection }));
  const times = [];
  keep(new Worker("limited", async () => { times.push(Date.now()); }, { connection, concurrency: 10, limiter: { max: 2, duration: 300 } }));
  await queue.addBulk(Array.from({ length: 6 }, (_, n) => ({ name: "n", data: { n } })));
  await until("limited jobs", () => times.length === 6);
  assert.ok(times[5] - times[0] >= 500, `six jobs, two each 300 ms, took ${times[5] - times[0]} ms`);
}

async function flows() {
  const children = keep(new Worker("children", async (job) => job.data.n, { connection }));
  const parents = keep(new Worker("parents", async (job) =>
    Object.values(await job.getChildrenValues()).reduce((a, b) => a + b, 0), { connection }));
  const results = new Promise((done) => parents.on("completed", (job, value) => done(value)));
  const flow = keep(new FlowProducer({ connection }));
  await flow.add({ name: "sum", queueName: "parents", data: {}, children: [1, 2, 3].map((n) => ({ name: "n", queueName: "children", data: { n } })) });
  assert.equal(await results, 6);
  await children.close();
}

async function main() {
  await jobs();
  await order();
  await limits();
  await flows();
  await Promise.all(open.map((thing) => thing.close()));
  console.log("bullmq: jobs, delays, retries, repeats, priorities, rate limits, flows, events");
}

main().then(() => process.exit(0), (fault) => { console.error(fault); process.exit(1); });
