"""Prints the records of a decompressed stream from stdin, one a line.

It uses the msgpack library of Python and nothing else, and knows nothing of the
package: it is the proof that any msgpack library reads the records.
"""
import json
import struct
import sys

import msgpack


def show(v):
    if v is None or v is True or v is False:
        return {None: "null", True: "true", False: "false"}[v]
    if isinstance(v, int):
        return str(v)
    if isinstance(v, float):
        return "f" + struct.pack(">d", v).hex()
    if isinstance(v, str):
        return json.dumps(v, ensure_ascii=False)
    if isinstance(v, bytes):
        return "b" + v.hex()
    if isinstance(v, msgpack.ExtType):
        return "e%d:%s" % (v.code, v.data.hex())
    if isinstance(v, list):
        return "[" + ",".join(show(e) for e in v) + "]"
    return "{" + ",".join(show(k) + ":" + show(e) for k, e in v.items()) + "}"


sys.stdout.reconfigure(encoding="utf-8")
for record in msgpack.Unpacker(sys.stdin.buffer, raw=False, strict_map_key=True):
    print(show(record))
