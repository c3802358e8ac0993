"""`make bench`: every benchmark as a ratio to its yardstick of the same run; prints them and writes bench.json."""

import json
import os
import sys
from pathlib import Path

from tests.bench import classification, clusters, deliveries, intake, learner, precedents


def main() -> None:
    # Benchmarks measure what an operator has: a server that syncs its log at commit.
    os.environ["YILONG_TEST_POSTGRES_DURABLE"] = "1"
    results = {
        "classification": classification.run(),
        "learner": learner.run(),
        "intake": intake.run(),
        "clusters": clusters.run(),
        "precedents": precedents.run(),
        "deliveries": deliveries.run(),
    }
    text = json.dumps(results, indent=2, ensure_ascii=False)
    Path("bench.json").write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
