"""Reads and writes comet-stream files, as stream/FORMAT.md describes them.

Experiments, one after the other, whatever the size of the file::

    import comet_stream

    with comet_stream.open("acme.comet.zst") as reader:
        for experiment in reader.experiments():
            print(experiment.key, experiment.parameters.get("lr"))
            print(experiment.metrics["loss"].to_pandas())
            for asset in experiment.assets():
                if asset.name == "model.pt":
                    model = asset.read()

Every record, as it stands in the file: iterate over the reader.

A new stream, which ``comet-import`` takes::

    with comet_stream.create("runs.comet.zst", source="https://elsewhere") as writer:
        writer.project("team", "vision")
        with writer.experiment("0123456789abcdef0123456789abcdef", name="first") as run:
            run.parameters({"lr": 0.1})
            run.metric("loss", values=[0.5, 0.25], steps=[1, 2])
            run.asset("notes.txt", b"bytes, or a file")
"""

from .errors import (
    Aborted, Corrupt, GrammarError, LimitExceeded, NotStream, StreamError, Truncated, UnknownVersion,
)
from .metrics import Metric, Point
from .reader import Asset, Experiment, Reader, open
from .records import Literal, Record
from .writer import ExperimentWriter, Writer, create

__all__ = [
    "Aborted", "Asset", "Corrupt", "Experiment", "ExperimentWriter", "GrammarError", "LimitExceeded", "Literal",
    "Metric", "NotStream", "Point", "Reader", "Record", "StreamError", "Truncated", "UnknownVersion", "Writer",
    "create", "open",
]
