"""The sample `data/sales.csv`, as a reader of the documentation uses it."""

import json
from pathlib import Path

from tests.cli.conftest import SAMPLES, Forecast

SALES = SAMPLES / "sales.csv"
KNOWN = ("--known", "promo,open,temperature")


def test_its_columns_get_their_roles(forecast: Forecast) -> None:
    document = forecast("inspect", SALES, "--target", "sales", *KNOWN, "--static", "size,region", "--json").json
    roles = {each["name"]: each["role"] for each in document["columns"]}
    known, static = (
        dict.fromkeys(("promo", "open", "temperature"), "known"),
        dict.fromkeys(("size", "region"), "static"),
    )
    assert roles == {"day": "time", "shop": "id", "sales": "target", **known, **static}
    assert (document["quality"]["missing_values"], document["quality"]["later_rows"]) == (69, 98)


def test_the_target_must_be_named_and_the_hint_names_it(forecast: Forecast) -> None:
    done = forecast("inspect", SALES)
    assert done.code == 2
    assert done.err.endswith("hint: pass --target sales\n")


def test_columns_that_are_not_used_are_named_with_their_worth(forecast: Forecast) -> None:
    done = forecast("inspect", SALES, "--target", "sales")
    assert done.code == 0
    note = " ".join(done.out.split())
    assert "not used: promo, open, temperature, size (numbers); if you know them ahead" in note
    assert "add --known promo,open,temperature, otherwise --past promo,open,temperature; --static size" in note
    assert "98 rows after the last value, not used" in note


def test_known_columns_make_the_forecasts_better(forecast: Forecast) -> None:
    settings = ("training.steps=60", "training.batch=64", "training.learning_rate=0.01", "model.hidden=16")
    small = ("--preset", "fast", *(word for each in settings for word in ("--set", each)), "-q")
    for name, options in (("without", ()), ("with", KNOWN)):
        assert forecast("train", SALES, "--target", "sales", *options, *small, "-o", name).code == 0
    errors = [
        json.loads(Path(name, "metrics.json").read_text())["holdout"]["models"]["gru"]["mase"]
        for name in ("with", "without")
    ]
    assert errors[0] < 0.8 * errors[1]
    assert forecast("predict", "--bundle", "with").code == 0  # The table has the known values of the days ahead.
