"""Compare the package's metrics with the published figures of the competitions.

    python -m benchmarks.published --train F --test F --season m

Scores the seasonal naive forecast with the package's own code. Published: M4 hourly (season 24) sMAPE 13.912, MASE
1.193; M3 yearly, quarterly, monthly, other (seasons 1, 4, 12, 1) MASE 3.172, 1.425, 1.146, 3.089.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from benchmarks.panel import read
from forecaster.evaluation.metrics import Scale
from forecaster.evaluation.score import score
from forecaster.models.naive import SeasonalNaive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--season", type=int, required=True)
    arguments = parser.parse_args()
    panel, truth = read(arguments.train, arguments.test, arguments.season)
    scores = score(
        SeasonalNaive().predict(panel, truth.shape[1]), truth, Scale.of(replace(panel, season=arguments.season))
    )
    print(
        json.dumps({"series": len(panel), **{name: round(scores[name], 4) for name in ("smape", "mase", "nd", "wql")}})
    )


if __name__ == "__main__":
    main()
