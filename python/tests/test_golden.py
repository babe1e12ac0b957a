"""Every golden stream is read, or refused, as its text says."""

import hashlib
import pathlib
import unittest

import comet_stream

GOLDEN = pathlib.Path(__file__).parents[2] / "stream" / "testdata"
CLASSES = {
    "ErrNotStream": comet_stream.NotStream, "ErrTruncated": comet_stream.Truncated, "ErrAborted": comet_stream.Aborted,
    "ErrVersion": comet_stream.UnknownVersion, "ErrCorrupt": comet_stream.Corrupt, "ErrLimit": comet_stream.LimitExceeded,
    "ErrGrammar": comet_stream.GrammarError,
}


class Golden(unittest.TestCase):
    def test_golden(self):
        files = sorted(GOLDEN.glob("*.comet.zst"))
        self.assertGreater(len(files), 100)
        for file in files:
            with self.subTest(file.name):
                says = dict(
                    line.split(": ", 1) for line in (GOLDEN / (file.name[:-len(".comet.zst")] + ".txt")).read_text("utf-8").splitlines()[:8]
                    if line.startswith(("error: ", "records: ", "sha256 of their msgpack: ")))
                digest, n, error = hashlib.sha256(), 0, None
                with comet_stream.open(file) as reader:
                    try:
                        for record in reader:
                            digest.update(record.data)
                            n += 1
                    except comet_stream.StreamError as e:
                        error = e
                want = CLASSES.get(says["error"])
                self.assertIs(type(error), want or type(None), error)
                self.assertEqual(n, int(says["records"]), error)
                self.assertEqual(digest.hexdigest(), says["sha256 of their msgpack"])


if __name__ == "__main__":
    unittest.main()
