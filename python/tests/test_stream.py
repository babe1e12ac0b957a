"""What the writer writes, the reader reads, and comet-filter takes."""

import io
import math
import os
import subprocess
import unittest

import comet_stream
from comet_stream import Literal, Point

KEY = "0123456789abcdef0123456789abcdef"
FILTER = os.environ.get("COMET_FILTER")
POINTS = [
    Point(0.5, time=1700000000000, step=1, context="train"), Point("NaN", time=1700000001000, step=2, epoch=1),
    Point(2**53 + 1), Point(True), Point(None, step=-(2**63)), Point(Literal("1.0"), step=2**63 - 1, extra={"x": Literal("1E5")}),
]


def sample(file) -> None:
    with comet_stream.create(file, source="https://elsewhere", plan=[("w", "p", 2)], created=1700000000000) as writer:
        writer.project("w", "p", experiments=2, description="of somewhere else")
        with writer.experiment(KEY, name="first", start=1, end=2, tags=["a"]) as run:
            run.parameters({"lr": 0.1, "n": 3, "text": "é", "ranged": {"valueCurrent": "2", "valueMin": "1"}})
            run.others({"note": "x"}, time=5)
            run.document("system", {"hostname": "h"})
            run.requirements(["numpy==1"])
            run.text("code", "import numpy\n" * 60000)
            run.text("html", b"\xff")
            run.metric("accuracy", values=range(20000), steps=range(20000), times=range(20000))
            run.metric("loss", POINTS)
            run.asset("a/b.bin", b"abc" * 400000)
            run.asset("file", io.BytesIO(b"of a file"))
            run.asset("link", None, remote="s3://b/k")
            run.skipped("asset", "gone", name="lost")
        with writer.experiment("f" * 32) as run:
            pass
        writer.notes("# Notes")


class Stream(unittest.TestCase):
    def stream(self) -> io.BytesIO:
        file = io.BytesIO()
        sample(file)
        file.seek(0)
        return file

    def test_read_back(self):
        with comet_stream.open(self.stream()) as reader:
            first, second = None, None
            for experiment in reader.experiments():
                first, second = second, experiment
                if experiment.key == KEY:
                    self.check_first(experiment)
            self.assertEqual((first.key, second.key, second.name), (KEY, "f" * 32, None))
            self.assertEqual(reader.header["source"]["url"], "https://elsewhere")

    def check_first(self, e):
        self.assertEqual((e.workspace, e.project, e.name, e.start, e.end, e.tags), ("w", "p", "first", 1, 2, ["a"]))
        self.assertEqual(e.parameters, {"lr": "0.1", "n": "3", "text": "é", "ranged": "2"})
        self.assertEqual(e.others, {"note": "x"})
        self.assertEqual((e.system, e.installed), ({"hostname": "h"}, ["numpy==1"]))
        self.assertEqual(e.texts, {"code": b"import numpy\n" * 60000, "html": b"\xff"})
        self.assertEqual(len(e.metrics["accuracy"]), 20000)
        points = list(e.metrics["loss"])
        self.assertEqual([p.value for p in points], [2**53 + 1, True, None, "1.0", 0.5, "NaN"])
        self.assertEqual([p.step for p in points], [None, None, -(2**63), 2**63 - 1, 1, 2])
        self.assertEqual([p.context for p in points], [None] * 4 + ["train", None])
        self.assertEqual(points[3].extra, {"x": Literal("1E5")})
        found = []
        for asset in e.assets():
            if asset.name == "a/b.bin":
                self.assertEqual(asset.read(4), b"abca")  # and the rest is passed over
            elif asset.name == "file":
                found = asset.read()
            else:
                self.assertEqual((asset.remote, asset.read()), ("s3://b/k", b""))
        self.assertEqual(found, b"of a file")
        self.assertEqual([s["name"] for s in e.skipped], ["lost"])

    def test_copy(self):
        want = self.stream().read()
        copied = io.BytesIO()
        records = list(comet_stream.open(io.BytesIO(want)))
        writer = comet_stream.Writer(copied)
        for record in records[2:]:
            writer.write_record(record)
        writer.end()
        again = list(comet_stream.open(io.BytesIO(copied.getvalue())))
        self.assertEqual([r.data for r in again[2:]], [r.data for r in records[2:]])

    def test_columns(self):
        try:
            import numpy
            import pandas
        except ImportError:
            self.skipTest("NumPy and pandas are not installed")
        for experiment in comet_stream.open(self.stream()).experiments():
            if experiment.key != KEY:
                continue
            frame = experiment.metrics["loss"].to_pandas()
            self.assertEqual(list(frame.columns), ["value", "time", "step", "epoch", "context"])
            self.assertEqual(frame["step"].isna().sum(), 2)
            self.assertEqual(int(frame["step"][3]), 2**63 - 1)
            self.assertEqual(frame["time"][4], pandas.Timestamp("2023-11-14 22:13:20", tz="UTC"))
            self.assertTrue(math.isnan(frame["value"][5]))
            arrays = experiment.metrics["loss"].to_numpy()
            self.assertEqual(arrays["step"].dtype, numpy.int64)
            self.assertEqual(arrays["step"].mask.tolist(), [True, True, False, False, False, False])
            self.assertEqual(arrays["value"][3], 1.0)

    def test_abort(self):
        file = io.BytesIO()
        with self.assertRaises(ZeroDivisionError):
            with comet_stream.create(file) as writer:
                writer.project("w", "p")
                with writer.experiment(KEY):
                    1 / 0
        with self.assertRaises(comet_stream.Aborted) as caught:
            list(comet_stream.open(io.BytesIO(file.getvalue())))
        self.assertIn("ZeroDivisionError", caught.exception.message)

    def test_refused(self):
        writer = comet_stream.Writer(io.BytesIO())
        with self.assertRaises(comet_stream.GrammarError):
            writer.write("experiment-end", {"asset_bytes": 0, "counts": {}, "key": "k", "points": 0, "skipped": 0})
        with self.assertRaises(comet_stream.Corrupt):
            writer.write("project", {"workspace": "w"})
        with self.assertRaises(comet_stream.LimitExceeded):
            writer.write("x", {"a": b"x" * (9 << 20)})
        writer.project("w", "p")  # a refused record leaves the writer as it was
        writer.end()

    @unittest.skipUnless(FILTER, "COMET_FILTER names no comet-filter")
    def test_filter(self):
        data = self.stream().read()
        said = subprocess.run([FILTER, "--check"], input=data, capture_output=True, check=False)
        self.assertEqual(said.returncode, 0, said.stderr)
        for line in (b"experiments\t2\n", b"points\t20006\n", b"skipped\t1\n", b"assets\t3\n"):
            self.assertIn(line, said.stdout)
        # What the filter has encoded again is the same to the reader.
        renamed = subprocess.run([FILTER, "--rename", "w/p=v/q"], input=data, capture_output=True, check=True).stdout
        self.assertEqual([e.workspace for e in comet_stream.open(io.BytesIO(renamed)).experiments()], ["v", "v"])
        printed = subprocess.run([FILTER, "--json"], input=data, capture_output=True, check=True).stdout
        self.assertNotIn(b'"msgpack"', printed, "the writer packs another way than the tools do")


if __name__ == "__main__":
    unittest.main()
