// Messages on their way to /socket/in.

import { signIn, socketURL } from "./api.js";

const atOnce = 200; // messages that may be unanswered
const kept = 50; // answers that are held
const cut = "the connection was closed before all messages were answered: what had none may have been written";

// Sending sends messages to a topic, and calls changed whenever it knows more of them.
export class Sending {
  constructor(topic, messages, changed) {
    Object.assign(this, { messages, changed, sent: 0, answered: 0, failed: 0, answers: [] });
    const instanceId = `console-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    const q = new URLSearchParams({ clientId: "console", topic, instanceId, handshakeErrors: "close" });
    this.socket = new WebSocket(socketURL(`/socket/in?${q}`));
    this.socket.onopen = () => this.more();
    this.socket.onmessage = ({ data }) => this.take([JSON.parse(data)].flat());
    this.socket.onclose = ({ code }) => this.end(code);
  }

  more() {
    const { messages, socket } = this;
    while (this.sent < messages.length && this.sent - this.answered < atOnce) socket.send(messages[this.sent++]);
    if (this.answered === messages.length) socket.close(1000);
  }

  take(answers) {
    for (const answer of answers) {
      if (answer.error && this.answered >= this.sent) this.refused = answer.error; // of the connection
      else this.count(answer);
    }
    this.more();
    this.changed();
  }

  count(answer) {
    this.answers = [{ n: ++this.answered, ...answer }, ...this.answers].slice(0, kept);
    if (answer.error) this.failed++;
  }

  end(code) {
    if (code === 4401) signIn.lost();
    if (this.answered < this.messages.length) this.refused ??= { code: String(code), message: cut };
    this.over = true;
    this.changed();
  }

  // close gives up, and tells nothing more.
  close() {
    this.changed = () => {};
    this.socket.close(1000);
  }
}
