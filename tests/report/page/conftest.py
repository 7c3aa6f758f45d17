"""A trained model whose names are as awkward as names can be, and its page."""

from pathlib import Path

import numpy as np
import pytest

from forecaster.cli.app import main
from tests.cli.conftest import QUICK

NAMES = ("<script>alert('ids')</script>", 'a&b "quoted" </style>', "$\\frac{a}{b}$ 北 @past.y", "plain")
TIME, TARGET = "<b>when</b>", "</script><script>alert('columns')</script>"


def write_awkward(folder: Path, names: tuple[str, ...] = NAMES, days: int = 60) -> Path:
    """A long table whose series, columns and file are named so."""
    rng = np.random.default_rng(0)
    stamps = np.datetime64("2024-01-01") + np.arange(days)
    lines = [f'id,"{TIME}","{TARGET}"\n']
    for place, name in enumerate(names):
        values = 100 * (place + 1) + 10 * np.sin(np.arange(days) * 2 * np.pi / 7) + rng.normal(0, 2, days)
        quoted = name.replace('"', '""')
        lines += [f'"{quoted}",{day},{value:.2f}\n' for day, value in zip(stamps, values, strict=True)]
    path = folder / "<img src=x onerror=alert('file')>.csv"
    path.write_text("".join(lines), "utf-8")
    return path


@pytest.fixture(scope="session")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, in a folder with such a name, too."""
    folder = tmp_path_factory.mktemp("awkward")
    data = write_awkward(folder)
    bundle = folder / "<i>bundle</i>".replace("/", "_")
    options = ["--time", TIME, "--target", TARGET, "--id", "id", "--horizon", "5"]
    assert main(["train", str(data), *options, *QUICK, "-q", "-o", str(bundle)]) == 0
    return bundle


@pytest.fixture(scope="session")
def page(awkward: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its page, in a folder of its own."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert main(["report", str(awkward), "-q", "-o", str(path)]) == 0
    return path
