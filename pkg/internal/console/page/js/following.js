// What a view of records has: a reading, records from before it, and what is shown while it is paused.

import { ask, path } from "./api.js";
import { reading } from "./reading.js";
import { older, Tail } from "./tail.js";
import { useEffect, useRef, useState } from "./ui.js";

const mostOlder = 2000; // records that are held beside those of the reading
const mostSpots = 64; // partitions that are read at a time
const atOnce = 100; // older records that are loaded, of all partitions

// useReading has what a form asks for read, as soon as the topic is described. began is called when a reading begins.
export function useReading(topic, form, described, began) {
  const [, redraw] = useState(0);
  const [wrong, setWrong] = useState(null);
  const [frozen, freeze] = useState(null);
  const tail = useRef(null);
  const start = useRef({});
  tail.current ??= new Tail(() => redraw((n) => n + 1));
  const reader = tail.current;
  const before = useOlder(topic, start, setWrong);
  const read = () => {
    try {
      const [what, limit] = reading(topic, form, described?.partitions);
      start.current = { form, from: what.from, ends: described?.partitions };
      setWrong(null);
      freeze(null);
      before.clear();
      began();
      reader.open(what, limit);
    } catch (error) {
      setWrong(error.message);
    }
  };
  useEffect(() => () => reader.close(), []);
  useEffect(() => {
    if (described && reader.state === "idle" && !start.current.form) read();
  }, [described]);
  const pause = () => {
    freeze(reader.paused ? null : [...reader.records]);
    if (reader.paused) reader.resume();
    else reader.pause();
  };
  const jump = () => reader.open({ ...reader.what, from: "latest" }, 0);
  const records = [...before.list, ...(frozen || reader.records)].sort((a, b) => a.timestamp - b.timestamp);
  return { reader, records, wrong, frozen, before, start: start.current, read, pause, jump };
}

// useOlder loads records from before those of the reading that has begun, as its form asked for them. What comes after
// another one has begun is left out.
function useOlder(topic, start, failed) {
  const nothing = { list: [], busy: false, none: false };
  const [before, set] = useState(nothing);
  const load = async (rows) => {
    const began = start.current;
    const isOurs = () => began === start.current;
    set({ ...before, busy: true });
    try {
      const list = await older(reading(topic, began.form)[0], await spots(topic, began.form, rows));
      if (isOurs()) set({ list: [...list, ...before.list].slice(-mostOlder), busy: false, none: !list.length });
    } catch (error) {
      if (!isOurs()) return;
      set({ ...before, busy: false });
      failed(error.message);
    }
  };
  return { ...before, load, clear: () => set(nothing) };
}

// spots are the places in partitions before which older records are to be read, and how many of each.
async function spots(topic, form, rows) {
  const { body } = await ask(`/admin/topics/${path(topic)}`);
  const oldest = new Map();
  for (const r of rows) oldest.set(r.partition, Math.min(r.offset, oldest.get(r.partition) ?? Infinity));
  const wanted = (p) => p.startOffset !== null && (form.p === "" || String(p.partition) === form.p);
  const some = body.partitions.filter(wanted).slice(0, mostSpots);
  const each = Math.max(5, Math.ceil(atOnce / some.length));
  return some.map(({ partition, startOffset: start, endOffset }) => {
    const offset = oldest.get(partition) ?? endOffset;
    return { partition, start, offset, each };
  });
}
