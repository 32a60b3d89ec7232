"""A client of the proxy made with the package websockets.

client.py produce URL          sends each line of its input, prints each answer
client.py consume URL [commit] prints each message, and with "commit" commits it
client.py refused URL          prints status and body of the refused handshake

It closes the connection when its input has ended and every message is answered.
"""

import json
import sys
import threading

from websockets.exceptions import ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect


def produce(socket):
    lines = sys.stdin.read().splitlines()
    for line in lines:
        socket.send(line)
    for _ in lines:
        print(text(socket.recv()), flush=True)


def consume(socket, commit):
    threading.Thread(target=close_at_end_of_input, args=(socket,), daemon=True).start()
    for message in socket:
        print(text(message), flush=True)
        if commit:
            message_id = json.loads(message)["wsProxyMessageId"]
            socket.send(json.dumps({"wsProxyMessageId": message_id}))


def close_at_end_of_input(socket):
    sys.stdin.read()
    socket.close()


def text(message):
    if not isinstance(message, str):
        sys.exit("a binary message came")
    return message


def main(what, url, commit=None):
    try:
        with connect(url) as socket:
            if what == "refused":
                sys.exit("the handshake was not refused")
            if what == "produce":
                produce(socket)
            else:
                consume(socket, commit)
    except ConnectionClosedOK:
        pass
    except InvalidStatus as refused:
        if what != "refused":
            raise
        print(refused.response.status_code, refused.response.body.decode().strip())


main(*sys.argv[1:])
