"""What the scripts of the contract test have in common."""

import inspect
import os
import subprocess
import sys

import comet_ml
from sitecustomize import event

WORKSPACE = os.environ["CONTRACT_WORKSPACE"]
PROJECT = os.environ["CONTRACT_PROJECT"]

# CURRENT tells the SDK of today from that of 2023.
CURRENT = hasattr(comet_ml, "ExperimentConfig")

# The experiments that the scripts make, by what makes them.
KEYS = {name: (name + "x" * 32)[:32] for name in (
    "live", "offline", "offlineagain", "startcreate", "startgetorcreate", "startoffline", "autolog", "artifacts", "consumer", "registry")}


def known(f):
    """Calls f without the arguments that an older SDK does not have."""
    have = inspect.signature(f).parameters
    return lambda *args, **kwargs: f(*args, **{k: v for k, v in kwargs.items() if k in have})


def check(what, got, want):
    """Tells of two values that are not equal."""
    if got != want:
        event("check", "%s: got %r, want %r" % (what, got, want))


def refused(what, f, *args, **kwargs):
    """Calls f, which must raise, and returns the exception."""
    try:
        got = f(*args, **kwargs)
    except Exception as e:
        return e
    event("check", "%s: got %r, want an exception" % (what, got))


def command(*args):
    """Runs the SDK's command line."""
    done = subprocess.run([os.path.join(os.path.dirname(sys.executable), "comet"), *args], capture_output=True, text=True)
    check(" ".join(args[:1]), done.returncode, 0)
    print(done.stdout, done.stderr)
    return done.stdout + done.stderr
