"""Runs many of the workers of test/examples/worker.py in one process, until SIGTERM.

storm.py SOCKETS URL...

It prints what comes and what is told: "dealt ID COUNT", "accept ID COUNT" or "release ID COUNT" before that is sent, "settled
OUTCOME ID" when Kafka has settled it, "expired ID" and "error CODE ID". Now and then work takes long or fails, and connections
are cut off.
"""

import asyncio
import pathlib
import random
import signal
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "examples"))
import worker

worker.TRIES = 1_000_000  # nothing is rejected


async def work(record):
    chance = random.random()
    await asyncio.sleep(5 if chance < 0.001 else 2 * random.random())
    if chance > 0.998:
        raise RuntimeError("bad luck")


class Connection(worker.Connection):
    def __init__(self, socket, work):
        super().__init__(socket, work)
        self.told = {}  # what is not settled yet

    def take(self, frame):
        id = frame.get("wsProxyMessageId")
        for settled in frame.get("settled", ()):
            print("settled", self.told.pop(settled), settled, flush=True)
        for expired in frame.get("expired", ()):
            print("expired", expired, flush=True)
        if "error" in frame:
            print("error", frame["error"]["code"], id, flush=True)
        if "delivery" in frame:
            print("dealt", id, frame["delivery"]["count"], flush=True)
            if random.random() < 0.001:
                self.socket.transport.abort()
        super().take(frame)

    async def send(self, acknowledgement, id):
        if acknowledgement != "renew":
            self.told[id] = acknowledgement
        await super().send(acknowledgement, id)


async def main(sockets, *urls):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with asyncio.TaskGroup() as workers:
        for _ in range(int(sockets)):
            workers.create_task(worker.serve(urls, stop, work, Connection))


asyncio.run(main(*sys.argv[1:]))
