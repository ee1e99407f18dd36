"""A folder of photos into light on a Ray cluster: every worker loads the model once.

    pip install -e ".[ray]"
    python examples/ray_batch.py s3://photos/2026 s3://light/2026 --workers 8 --gpus 1
    python examples/ray_batch.py examples/photos light                      # on this machine, two workers

Prints one line for every photo that failed, then for example "7 done, 0 failed, 0 skipped"; the exit code is 1 if any
failed.
Start it again after an interruption: what is finished is skipped.
"""

import argparse
import sys
from collections import Counter

from hdrrecon.batch.ray import reconstruct_all


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", help="folder: a path or an fsspec URL all machines can reach")
    parser.add_argument("out", help="folder for the results")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gpus", type=float, default=0, help="per worker; 0.5 lets two share one")
    parser.add_argument("--cpus", type=float, default=1, help="per worker")
    parser.add_argument("--model", default="full")
    options = parser.parse_args(arguments)
    rows = reconstruct_all(
        options.photos, options.out, workers=options.workers, gpus=options.gpus, cpus=options.cpus, model=options.model
    )
    for row in rows:
        if row["status"] == "failed":
            print(row["error"], file=sys.stderr)
    count = Counter(row["status"] for row in rows)
    print(", ".join(f"{count[status]} {status}" for status in ("done", "failed", "skipped")))
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
