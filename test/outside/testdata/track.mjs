// Reads the key `a` of a topic live, and prints what comes as JSON, a line each. Values are commands, too: `track KEY` and `untrack KEY`.
//
//   CLIENT=…/dist/wsproxy-client.min.js track.mjs '{"url":"ws://localhost:8078","topic":"t"}'

const { connect } = await import(process.env.CLIENT);
const { url, topic } = JSON.parse(process.argv[2]);
const tail = connect(url, { backoff: { max: 2000 } }).tail({ topic, keys: ['a'], snapshot: true });

for await (const { type, key, value, snapshot, keys, state, resumed, error } of tail) {
  console.log(JSON.stringify({ type, key, value, snapshot, keys, state, resumed, error: error?.message, isPlaced: tail.position !== null }));
  const [verb, other] = value?.split(' ') ?? [];
  if (verb === 'track') tail.track([other], { snapshot: true });
  if (verb === 'untrack') tail.untrack([other]);
}
