// Runs uses.mjs in Node:
//
//   CLIENT=…/dist/index.js typescript.mjs '{"url":"ws://localhost:8078","topic":"t"}'
//
// It writes until SIGUSR2, and ends at SIGTERM.
import { createRequire } from 'node:module';
import { use } from './uses.mjs';

const { connect } = await import(process.env.CLIENT);
const WebSocket = process.env.NODE_PATH ? createRequire(import.meta.url)('ws') : undefined;
const { stop, close } = use({ connect, WebSocket, print: (line) => process.stdout.write(line), ...JSON.parse(process.argv[2]) });

process.on('SIGUSR2', stop);
process.on('SIGTERM', async () => {
  await close();
  process.exit(0);
});
