// Socket.IO: two servers that share rooms and broadcasts through the server, by pub/sub (redis-adapter) and by a stream (redis-streams-adapter).
const assert = require("node:assert/strict");
const { createServer } = require("node:http");
const { createClient } = require("redis");
const { Server } = require("socket.io");
const { io: connect } = require("socket.io-client");
const { createAdapter, createShardedAdapter } = require("@socket.io/redis-adapter");
const { createAdapter: createStreamsAdapter } = require("@socket.io/redis-streams-adapter");

const url = `redis://127.0.0.1:${process.argv[2]}`;
const heard = (socket, event) => new Promise((done) => socket.once(event, (...values) => done(values)));

async function client() {
  const made = createClient({ url });
  await made.connect();
  return made;
}

async function node(adapter) {
  const http = createServer();
  const io = new Server(http, { adapter });
  io.on("connection", (socket) => {
    socket.on("join", (room, answer) => { socket.join(room); answer(); });
    socket.on("ask", (answer) => answer("here"));
  });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const socket = connect(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"] });
  await heard(socket, "connect");
  return { io, socket };
}

async function work(name, makeAdapter) {
  const nodes = [await node(await makeAdapter()), await node(await makeAdapter())];
  const [first, second] = nodes;
  await new Promise((done) => setTimeout(done, 300));
  // 1. A broadcast of one server reaches the clients of the other.
  const news = heard(second.socket, "news");
  first.io.emit("news", { text: "hello", bytes: Buffer.from([1, 2, 255]) });
  const [got] = await news;
  assert.equal(got.text, "hello");
  assert.deepEqual([...got.bytes], [1, 2, 255]);
  // 2. So does one to a room, and nobody outside of it hears.
  await new Promise((done) => second.socket.emit("join", "room", done));
  const inRoom = heard(second.socket, "room news");
  let outside = false;
  first.socket.once("room news", () => { outside = true; });
  first.io.to("room").emit("room news", 1);
  assert.deepEqual(await inRoom, [1]);
  assert.equal(outside, false);
  // 3. One server knows of the sockets of both, and moves those of the other.
  assert.equal((await first.io.fetchSockets()).length, 2);
  const left = heard(second.socket, "disconnect");
  first.io.in("room").disconnectSockets();
  await left;
  for (const { io, socket } of nodes) { socket.close(); await io.close(); }
  console.log(`${name}: passed`);
}

async function main() {
  await work("redis-adapter", async () => createAdapter(await client(), await client()));
  await work("redis-adapter, sharded", async () => createShardedAdapter(await client(), await client()));
  await work("redis-streams-adapter", async () => createStreamsAdapter(await client()));
  console.log("socket.io: broadcasts, rooms, sockets of other servers; by pub/sub, sharded pub/sub, a stream");
}

main().then(() => process.exit(0), (fault) => { console.error(fault); process.exit(1); });
