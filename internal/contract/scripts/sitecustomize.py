"""Watches every Python of the contract test, the SDK's own commands too.

Python imports this by itself, from PYTHONPATH. It keeps a script away from every
other host, and writes what the SDK logs as a warning or worse, and threads that
die, to the file in CONTRACT_EVENTS, one JSON object a line.
"""

import json
import logging
import os
import re
import socket
import sys
import threading
import traceback

_lock = threading.Lock()


def event(kind, text):
    line = json.dumps({"kind": kind, "text": text, "script": os.path.basename(sys.argv[0])})
    with _lock, open(os.environ["CONTRACT_EVENTS"], "a") as f:
        f.write(line + "\n")


class _Handler(logging.Handler):
    def emit(self, record):
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info))
        event(record.levelname.lower(), text)


def _thread_died(args):
    event("thread", "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback)))


_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo

HERE = ("127.0.0.1", "::1", "localhost", None, "", socket.gethostname())


def _connect_here(self, address):
    if isinstance(address, tuple) and address[0] not in HERE:
        event("network", "%s:%s" % address[:2])
        raise OSError("no network but this machine")
    return _connect(self, address)


def _resolve_here(host, port, *args, **kwargs):
    # Who asks for the address of another host may wait for minutes before it connects.
    if host not in HERE and not re.fullmatch(r"[0-9.]+|.*:.*", host if isinstance(host, str) else host.decode()):
        event("network", "%s:%s" % (host, port))
        raise socket.gaierror("no network but this machine")
    return _getaddrinfo(host, port, *args, **kwargs)


if "CONTRACT_EVENTS" in os.environ:
    open(os.environ["CONTRACT_EVENTS"], "a").close()
    socket.socket.connect, socket.getaddrinfo = _connect_here, _resolve_here
    threading.excepthook = _thread_died
    logging.getLogger("comet_ml").addHandler(_Handler(logging.WARNING))
