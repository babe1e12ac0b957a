"""Prints the paths of calls that the source of an installed package names, one a
line, with {} for what is put into them.

A path is what goes to a function for calls, and any other text with a slash that
looks like one and begins as one that does. Texts of other kinds with a slash are
told apart by their first segment.
"""

import ast
import importlib.util
import os
import re
import sys

PATH = re.compile(r"[a-z][A-Za-z0-9_.-]*(/([A-Za-z0-9_.-]|\{\})+)*/?")

# What has the form of a path and is none: the first segment, and what it is of.
OTHER = {
    "application": "a media type", "text": "a media type", "image": "a media type", "gradient": "a name of a metric",
    "hist_stats": "a name of a metric", "model-data": "a file", "content": "a file",
    "run": "a file", "train": "a name of a metric", "val": "a name of a metric", "training": "a name of a metric",
}
# Files that name paths of others.
OTHER_FILES = ("secrets/", "testlib/", "framework/wandb.py", "framework/neptune.py")
# Prefixes of paths, which are put before others.
PREFIXES = {"api/rest", "clientlib/rest", "api/auth", "optimizer", "write/experiment", "registry-model/item", "write/registry-model/item", "v2", "models"}


def text(node):
    """Is the text of a node, with {} for what is put in, or None."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%(\(\w+\))?[sd]|\{[^}]*\}", "{}", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return text(node.left)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text(node.left), text(node.right)
        return (left or "{}") + (right or "{}") if left or right else None
    return None


def parts(tree):
    """Are the nodes that are part of another text, or documentation."""
    for n in ast.walk(tree):
        if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant):
            yield n.value
        if isinstance(n, (ast.JoinedStr, ast.BinOp)) and text(n):
            for child in ast.walk(n):
                if child is not n:
                    yield child


def paths(source):
    tree = ast.parse(source)
    skip = {id(n) for n in parts(tree)}
    for n in ast.walk(tree):
        if isinstance(n, ast.Call):
            name = n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", "")
            if name.endswith("_from_endpoint"):
                yield from filter(None, map(text, n.args[:1]))
            elif name == "url_join":  # of an address and paths
                yield from filter(None, map(text, n.args[1:]))
        t = text(n)
        if t and "/" in t and id(n) not in skip:
            yield t


def without_base(path):
    """Is a path without the address and the base that it is written with."""
    for base in "/api/rest/v2/", "/api/":
        before, found, after = path.partition(base)
        if found and before in ("", "{}"):
            return after
    return path


def main(package):
    spec = importlib.util.find_spec(package)
    root = os.path.dirname(spec.origin)
    found = set()
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".py") and not os.path.relpath(path, root).startswith(OTHER_FILES):
                with open(path, encoding="utf-8") as f:
                    found.update(t.strip("/") for t in map(without_base, paths(f.read())) if PATH.fullmatch(t))
    print("\n".join(sorted(p for p in found - PREFIXES if p.split("/")[0] not in OTHER)))


main(sys.argv[1])
