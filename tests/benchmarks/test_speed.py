import json
from pathlib import Path

import pytest

from benchmarks import speed


@pytest.mark.slow
def test_each_preset_and_cell_is_scored_beside_its_seconds(tmp_path: Path) -> None:
    data, out = tmp_path / "sales.csv", tmp_path / "found.json"
    data.write_text("ds,y\n" + "".join(f"2024-{1 + day // 28:02}-{1 + day % 28:02},{day % 7}\n" for day in range(120)))
    steps = ["--set", "training.steps=4", "--set", "training.validate_every=2"]
    speed.main(["--data", str(data), "--presets", "fast", "--cells", "gru,rnn", "--json", str(out), *steps])
    found = json.loads(out.read_text())
    assert [row["model"] for row in found["rows"]] == ["gru", "rnn"]
    for row in found["rows"]:
        assert row["seconds"] > row["curve"][-1][0] > 0
        assert row["mase"] > 0
