"""The tables of comet-filter, as pandas and DuckDB read them."""

import json
import os
import subprocess
import tempfile
import unittest

from test_stream import FILTER, KEY, POINTS, sample

try:
    import duckdb
    import pandas
except ImportError:
    duckdb = pandas = None


@unittest.skipUnless(FILTER, "COMET_FILTER names no comet-filter")
@unittest.skipUnless(pandas, "pandas and DuckDB are not installed")
class Tables(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.stream = os.path.join(self.folder.name, "s.comet.zst")
        sample(self.stream)

    def table(self, what: str, form: str) -> str:
        name = os.path.join(self.folder.name, f"{what}.{form}")
        with open(name, "wb") as out:
            subprocess.run([FILTER, f"--{what}", "--format", form, "-i", self.stream], stdout=out, check=True)
        return name

    def test_pandas(self):
        read = {
            "csv": lambda name: pandas.read_csv(name, parse_dates=["time"]),
            "tsv": lambda name: pandas.read_csv(name, sep="\t", parse_dates=["time"]),
            "jsonl": lambda name: pandas.read_json(name, lines=True).assign(time=lambda rows: pandas.to_datetime(rows["time"])),
        }
        for form, reads in read.items():
            with self.subTest(form):
                points = reads(self.table("points", form))
                self.assertEqual(len(points), 20000 + len(POINTS))
                accuracy = points[points["metric"] == "accuracy"]
                self.assertEqual(accuracy["value"].astype(float).sum(), sum(range(20000)))
                self.assertEqual(accuracy["time"].max(), pandas.Timestamp("1970-01-01 00:00:19.999"))
                self.assertEqual(set(points["experiment"]), {KEY})
                values = reads(self.table("values", form))
                self.assertEqual(list(values["name"]), ["lr", "n", "ranged", "text", "note"])
                self.assertEqual(list(values["value"])[3], "é")

    def test_duckdb(self):
        for form in ("csv", "tsv", "jsonl"):
            with self.subTest(form):
                name = self.table("points", form)
                source = f"read_json_auto('{name}', format='newline_delimited')" if form == "jsonl" else f"'{name}'"
                if form == "tsv":
                    source = f"read_csv('{name}', delim='\t')"
                query = duckdb.connect().execute
                n, total, last = query(
                    f"select count(*), sum(cast(value as double)), max(cast(time as timestamp)) from {source} where metric = 'accuracy'").fetchone()
                self.assertEqual((n, total), (20000, sum(range(20000))))
                self.assertEqual(str(last), "1970-01-01 00:00:19.999000")
                steps = query(f"select max(step) from {source}").fetchone()[0]
                self.assertEqual(int(steps), 2**63 - 1)

    @unittest.skipUnless(os.environ.get("COMET_PARQUET"), "COMET_PARQUET names no build of examples/parquet")
    def test_parquet(self):
        name = os.path.join(self.folder.name, "points.parquet")
        with open(self.stream, "rb") as data:
            subprocess.run([os.environ["COMET_PARQUET"], name], stdin=data, check=True)
        query = duckdb.connect().execute
        self.assertEqual(
            query(f"select count(*), sum(value), max(time) from '{name}' where metric = 'accuracy'").fetchone()[:2], (20000, sum(range(20000))))
        rows = query(f"select step, epoch, context, value, text from '{name}' where metric = 'loss'").fetchall()
        self.assertEqual(len(rows), len(POINTS))
        self.assertEqual(rows[3][:4], (2**63 - 1, None, None, 1.0))
        self.assertEqual([row[4] for row in rows], ["9007199254740993", "true", "null", "1.0", "0.5", "NaN"])

    def test_json_lines(self):
        with open(self.table("values", "jsonl"), encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        self.assertEqual(rows[0]["kind"], "parameter")
        self.assertEqual(rows[0]["time"], "1970-01-01 00:00:00.001")  # that of the start
        self.assertEqual(rows[4]["time"], "1970-01-01 00:00:00.005")


if __name__ == "__main__":
    unittest.main()
