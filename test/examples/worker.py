"""Works on the records of a queue, several at the same time. It needs the package websockets.

worker.py 'ws://localhost:8078/socket/queue?topic=jobs&groupId=workers'

A record is a job in JSON, such as {"job":17,"seconds":0.5}: write work() anew for yours.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import uuid

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

WINDOW = 8  # records at the same time
TRIES = 3  # fewer than the group's share.delivery.count.limit: Kafka counts deliveries to workers that died, too
RENEW_EVERY = float(os.environ.get("RENEW_EVERY", 10))  # seconds: a third of the group's share.record.lock.duration.ms
FIX = {1002, 1007, 1008, 1009}  # with these codes, and most from 4400 on, another try would end like this one


class Poison(Exception):
    """Nobody will ever succeed with this record."""


async def work(record):
    """Does what a record asks for. It is cancelled when another worker may have the record."""
    job = record["value"]["value"]
    if "error" in record["value"] or not isinstance(job, dict) or "job" not in job:
        raise Poison("it is no job")
    await asyncio.sleep(job.get("seconds", 0))
    if record["delivery"]["count"] <= job.get("fails", 0):
        raise RuntimeError("it has failed")


class Connection:
    """A socket and the work on its records. What is not settled at its end goes to other workers."""

    def __init__(self, socket, work):
        self.socket, self.work = socket, work
        self.tasks = {}  # by the id of the record
        self.served = self.ending = False

    async def run(self, stop):
        ending = asyncio.create_task(self.end_at(stop))
        try:
            async for message in self.socket:
                self.take(json.loads(message))
        finally:
            for task in (ending, *self.tasks.values()):
                task.cancel()

    async def end_at(self, stop):
        """Ends the connection when what was begun by then is done. Records that come meanwhile are given back by that."""
        await stop.wait()
        self.ending = True
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await self.socket.close()

    def take(self, frame):
        if "delivery" in frame:
            self.served = True
            if not self.ending:
                self.tasks[frame["wsProxyMessageId"]] = asyncio.create_task(self.handle(frame))
        elif "expired" in frame:
            for id in frame["expired"]:
                if id in self.tasks:
                    self.tasks.pop(id).cancel()
        elif "error" in frame:
            print("told", frame, file=sys.stderr)

    async def handle(self, record):
        id, count = record["wsProxyMessageId"], record["delivery"]["count"]
        keeping = asyncio.create_task(self.keep(id))
        try:
            outcome = await self.outcome(record)
            keeping.cancel()
            print(outcome, id, count, flush=True)
            await self.send(outcome, id)
        finally:
            keeping.cancel()
            if self.tasks.get(id) is asyncio.current_task():
                del self.tasks[id]

    async def outcome(self, record):
        count = record["delivery"]["count"]
        try:
            await self.work(record)
            return "accept"
        except Poison:
            return "reject"
        except Exception as failure:
            print(record["wsProxyMessageId"], repr(failure), file=sys.stderr)
        if count >= TRIES:
            return "reject"
        await asyncio.sleep(2**count * random.uniform(0.25, 0.5))  # what failed just now may fail at once again
        return "release"

    async def keep(self, id):
        while True:
            await asyncio.sleep(RENEW_EVERY)
            await self.send("renew", id)

    async def send(self, acknowledgement, id):
        with contextlib.suppress(ConnectionClosed):  # then the record goes to another worker
            await self.socket.send(json.dumps({acknowledgement: id}))


async def serve(urls, stop, work=work, connection_of=Connection):
    """Works until stop is set, through any replica. A connection that ends is made anew, unless that would be in vain."""
    parameters = f"&window={WINDOW}&valType=json&handshakeErrors=close&clientId=worker-{uuid.uuid4()}"
    failures = 0
    while not stop.is_set():
        connection = None
        try:
            async with connect(random.choice(urls) + parameters, max_size=None) as socket:
                connection = connection_of(socket, work)
                await connection.run(stop)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            if code in FIX or code >= 4400 and code != 4429:
                sys.exit(f"closed: {closed}")
        except (OSError, InvalidHandshake):
            pass  # there is no proxy now
        failures = 0 if connection and connection.served else failures + 1
        with contextlib.suppress(TimeoutError):  # not all workers at once
            await asyncio.wait_for(stop.wait(), random.uniform(0, min(30, 2**failures)))


async def main(*urls):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(urls, stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
