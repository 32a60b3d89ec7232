// A reader of /socket/tail that holds no more than it may, whatever comes.

import { signIn, socketURL } from "./api.js";
import { bytesOf, fromBase64 } from "./text.js";

const most = 2000; // records that are held
const mostChars = 48 << 20; // of keys and values that are held
const credit = 200; // records that may be under way while following
const pause = 50; // ms from one grant to the next, so that the page has time for all else
const retry = 2000; // ms before a lost connection is opened again

// usual are the parameters of all readings of the page. A value that is larger comes as its size alone.
const usual = { clientId: "console", batch: "true", handshakeErrors: "close", maxMessageBytes: 2 << 20 };

// query makes the parameters of a reading, without those of the page's own.
export function query({ topic, from, key, prefix, where }) {
  const q = new URLSearchParams({ topic, from });
  if (key) q.set("key", key);
  if (prefix) q.set("keyPrefix", prefix);
  if (where) q.set("where", JSON.stringify(where));
  return q;
}

// unread is what a reading has in the beginning. passed has the offset behind which it goes on, by partition.
const unread = () => ({ records: [], chars: 0, received: 0, dropped: 0, gaps: [], error: null, passed: new Map() });

// Tail is a reading: it follows the end for ever and skips what it has no time for, or stops after so many records.
export class Tail {
  constructor(changed) {
    Object.assign(this, { changed, state: "idle", left: 0, late: null, ...unread() });
  }

  // open begins to read. Within limit it is granted no more until more() is called; without, records come for ever.
  open(what, limit) {
    this.close();
    Object.assign(this, { what, limit, left: 0, caughtUp: false, cursor: null, partitions: null, ...unread() });
    this.connect(query(what));
  }

  connect(q) {
    const slow = this.limit || !/^l/.test(this.what.from) ? "wait" : "skip";
    const own = { ...usual, cursors: "500", slow, credit: this.limit || credit };
    for (const [name, value] of Object.entries(own)) q.set(name, value);
    this.granted = this.limit || credit;
    this.owed = 0;
    this.state = "connecting";
    const socket = new WebSocket(socketURL(`/socket/tail?${q}`));
    this.socket = socket;
    const mine = (act) => (event) => socket === this.socket && act(event);
    socket.onmessage = mine(({ data }) => this.take(JSON.parse(data)));
    socket.onclose = mine(({ code, reason }) => this.closed(code, reason));
    this.tell();
  }

  take(frame) {
    if (Array.isArray(frame)) {
      for (const one of frame) this.one(one);
    } else this.one(frame);
    this.tell();
  }

  one(frame) {
    if (frame.value) this.record(frame);
    else if (frame.tail) {
      this.state = "open";
      this.error = null;
      this.partitions = frame.tail.topics[0].partitions;
      if (frame.tail.resumed === false) this.gaps.push({ reason: frame.tail.reason, partition: "all", lost: null });
    } else if (frame.gap) {
      const { partition, from, to, reason } = frame.gap;
      this.gaps.push({ reason, partition, lost: to - from });
      this.left += to - from;
      this.passed.set(partition, to);
      if (this.gaps.length > 100) this.gaps.shift();
    } else if (frame.cursor) {
      this.cursor = frame.cursor;
      this.caughtUp = true;
    } else if (frame.error) this.error = frame.error;
  }

  record(r) {
    const chars = (typeof r.value.value === "string" ? r.value.value.length : 8) + (r.key?.value?.length || 0) + 200;
    r.chars = chars;
    r.id = `${r.partition}:${r.offset}`;
    this.records.push(r);
    this.chars += chars;
    this.received++;
    this.passed.set(r.partition, r.offset + 1);
    this.granted--;
    this.owed++;
    while (this.records.length > most || this.chars > mostChars) {
      this.chars -= this.records.shift().chars;
      this.dropped++;
    }
    if (!this.limit && !this.late) this.late = setTimeout(() => this.grant(), pause);
  }

  // behind returns how many offsets there are at least between what has come and the ends that partitions had some
  // seconds ago.
  behind(partitions = []) {
    const of = ({ partition, endOffset }) => Math.max(0, endOffset - (this.passed.get(partition) ?? endOffset));
    return partitions.reduce((sum, p) => sum + of(p), 0);
  }

  // grant lets as many more come as have come: fewer where they are large.
  grant() {
    this.late = null;
    if (this.paused || this.socket?.readyState !== WebSocket.OPEN || !this.owed) return;
    const average = this.chars / Math.max(1, this.records.length);
    const room = Math.max(4, Math.min(credit, Math.round((8 << 20) / average)));
    const n = Math.min(this.owed, room - this.granted);
    if (n < 1) return;
    this.owed -= n;
    this.granted += n;
    this.socket.send(JSON.stringify({ credit: n }));
  }

  // more grants that many records of a reading with a limit.
  more(n) {
    this.granted += n;
    this.caughtUp = false;
    this.socket?.send(JSON.stringify({ credit: n }));
    this.tell();
  }

  pause() {
    this.paused = true;
    this.tell();
  }

  resume() {
    this.paused = false;
    this.grant();
    this.tell();
  }

  // closed goes on from the last place after a loss of the connection, and ends where the proxy says why.
  closed(code, reason) {
    this.socket = null;
    if (code === 4401) signIn.lost();
    if (code >= 4400 && code !== 4401 && code !== 4429) {
      this.state = "ended";
      this.error ??= { code: String(code), message: reason || "The proxy has closed the connection." };
    } else {
      this.state = "lost";
      this.again = setTimeout(async () => {
        const lost = this.again;
        await signIn.awaited;
        if (this.again !== lost) return; // it was closed meanwhile
        const q = query(this.what);
        if (this.cursor) {
          q.set("from", `cursor:${this.cursor}`);
          const newest = new Map();
          for (const r of this.records) newest.set(r.partition, r.offset);
          for (const [partition, offset] of newest) q.append("after", `${partition}:${offset}`);
        }
        this.connect(q);
      }, retry);
    }
    this.tell();
  }

  close() {
    clearTimeout(this.again);
    this.again = null;
    clearTimeout(this.late);
    clearTimeout(this.due);
    Object.assign(this, { late: null, due: null, paused: false, state: "idle" });
    const { socket } = this;
    this.socket = null;
    socket?.close(1000);
  }

  // tell has the page drawn once for all that has come meanwhile.
  tell() {
    this.due ??= setTimeout(() => {
      this.due = null;
      this.changed();
    }, 30);
  }
}

// older reads the records before offsets of partitions, so many of each, in the order of their times.
export async function older(what, before) {
  const lists = await Promise.all(before.map((spot) => olderOf(what, spot)));
  return lists.flat().sort((a, b) => a.timestamp - b.timestamp);
}

const longest = 60000; // ms after which what has come of older records is taken for all

// olderOf reads those of one partition. They end at the offset, or where the log has no more: there a cursor comes.
function olderOf(what, { partition, start, offset, each }) {
  const first = Math.max(start, offset - each);
  if (first >= offset) return [];
  const q = query({ ...what, from: `offset:${partition}:${first}` });
  for (const [name, value] of Object.entries({ ...usual, cursors: "250", credit: each })) q.set(name, value);
  return new Promise((resolve) => {
    const list = [];
    const socket = new WebSocket(socketURL(`/socket/tail?${q}`));
    const end = () => {
      clearTimeout(timer);
      socket.onclose = socket.onmessage = null;
      socket.close(1000);
      resolve(list);
    };
    const timer = setTimeout(end, longest);
    socket.onclose = end;
    socket.onmessage = ({ data }) => {
      for (const frame of [JSON.parse(data)].flat()) {
        if (frame.cursor || (frame.value && frame.offset >= offset)) return end();
        if (!frame.value) continue;
        frame.id = `${frame.partition}:${frame.offset}`;
        list.push(frame);
        if (frame.offset === offset - 1) return end();
      }
    };
  });
}

// bytesIn returns the bytes of a key or value, null for none.
export function bytesIn(part) {
  if (!part || part.value === null || part.value === undefined) return null;
  if (part.format === "bytearray") return fromBase64(part.value);
  return bytesOf(String(part.value));
}
