// What a view asks the proxy for, again and again.

import { useEffect, useRef, useState } from "../lib/hooks.js";
import { ask, signIn } from "./api.js";

// gone are the answers that leave nothing to show. After other failures a view keeps what it had.
const gone = [400, 403, 404];

// useAsk asks for a path, and again every so many ms while the page is seen and the browser's credentials are taken.
// Until another path is answered it has the body of the one before. reload asks at once.
export function useAsk(path, every, options = {}) {
  const [state, set] = useState({});
  const again = useRef(() => {});
  useEffect(() => {
    const asking = repeated(every, async (isOver) => {
      try {
        const got = await ask(path, options);
        if (!isOver()) set({ ...got, path, at: performance.now() });
      } catch (error) {
        if (!isOver()) set((had) => ({ ...had, error, body: gone.includes(error.status) ? undefined : had.body }));
      }
    });
    again.current = asking.now;
    return asking.stop;
  }, [path, every]);
  return { ...state, reload: () => again.current() };
}

// repeated does something at once and again, every ms after its end, while the page is seen and signed in. Where now is
// called meanwhile, it is done once more after that.
function repeated(every, act) {
  let over = false;
  let busy = false;
  let due = false;
  let timer;
  const turn = async () => {
    if (busy) {
      due = true;
      return;
    }
    clearTimeout(timer);
    busy = true;
    await signIn.awaited;
    if (!over && !document.hidden) await act(() => over);
    busy = false;
    if (over) return;
    timer = setTimeout(turn, due ? 0 : every);
    due = false;
  };
  turn();
  const stop = () => {
    over = true;
    clearTimeout(timer);
  };
  return { now: turn, stop };
}
