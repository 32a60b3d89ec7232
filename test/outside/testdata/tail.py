"""Reads a topic live, and prints each message.

tail.py 'ws://localhost:8078/socket/tail?topic=demo'

After a break it goes on behind the newest record of each partition that it has. Only before the first cursor, which
comes within a second, it begins anew.
"""

import json
import random
import sys
import time
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect


def main(url):
    cursor, beyond = None, {}  # where to go on, and the newest offset of each partition behind that
    while True:
        try:
            with connect(f"{url}&handshakeErrors=close&{place(cursor, beyond)}", max_size=None) as socket:
                for message in socket:
                    frame = json.loads(message)
                    if "cursor" in frame:
                        cursor, beyond = frame["cursor"], {}
                    elif "value" in frame:
                        beyond[frame["partition"]] = frame["offset"]
                    print(message, flush=True)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            if code >= 4400 and code != 4429:
                raise  # another try would be refused as well
        except (OSError, InvalidHandshake):
            pass  # there is no proxy now
        time.sleep(2 * random.random())  # not all clients at once


def place(cursor, beyond):
    if cursor is None:
        return "from=earliest"
    after = [("after", f"{partition}:{offset}") for partition, offset in beyond.items()]
    return urlencode([("from", f"cursor:{cursor}"), *after])


main(*sys.argv[1:])
