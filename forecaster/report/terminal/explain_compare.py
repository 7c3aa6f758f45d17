"""The result of `forecast explain` for several bundles: one table with a column for each, within 80 columns of text."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.evaluation.metric_table import METRICS
from forecaster.explain.comparison import ComparedNetwork, NetworkComparison
from forecaster.report.terminal.layout import Sentence
from forecaster.report.verdicts import describe_left
from forecaster.report.words import clip, number, share

_WIDTH = 80
_GAP = 2  # blanks between two columns
_NAME_WIDTH = 26
_MIN_SHARE = 0.0005  # smaller influences have no row
_COVARIATES_SHOWN = 6
_METRICS = ("mase", "mae")
_LEGEND = (
    "gradient: of the loss by the state that a step passes on, in an LSTM h and c together; left: its share at the"
    " oldest state of that at the newest (read backward, the reverse). It vanishes below 1 %, fades below 10 % and"
    " explodes above 1,000 %. half-life: the lag at which it has halved; memory: the lag within which 90 % of it lies."
    " influence: the share in what moves this forecast away from that of a flat window."
)
Row = tuple[str, list[str]]


def summary(comparison: NetworkComparison) -> RenderableType:
    """Return the table of a comparison, with what its rows mean."""
    networks = comparison.networks
    rows = list(_rows(comparison))
    width = max(len(cell) for cell in (*(each.label for each in networks), *(cell for _, row in rows for cell in row)))
    count = max(1, (_WIDTH - _NAME_WIDTH) // (width + _GAP))
    title = f"{len(networks)} networks side by side: {comparison.series}, read up to {comparison.cutoff}"
    parts: list[RenderableType] = [Sentence(title, style="bold")]
    parts += [
        Sentence(f"{each.label}: {each.bundle}") for each in networks if each.label != each.bundle.rpartition("/")[2]
    ]
    for first in range(0, len(networks), count):
        chunk = slice(first, first + count)
        parts += [Text(), _table([each.label for each in networks[chunk]], [(name, row[chunk]) for name, row in rows])]
    return Group(*parts, Text(), Sentence(_LEGEND), *_baselines(comparison))


def _table(labels: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for label in labels:
        table.add_column(label, justify="right", no_wrap=True)
    for name, cells in rows:
        table.add_row(name, *cells)
    return table


def _rows(comparison: NetworkComparison) -> Iterator[Row]:
    networks = comparison.networks
    yield "cell", [each.cell for each in networks]
    if any(each.directions > 1 for each in networks):
        yield "directions", [str(each.directions) for each in networks]
    if any(each.layers > 1 for each in networks):
        yield "layers", [str(each.layers) for each in networks]
    yield "context, steps", [str(each.gradients.context) for each in networks]
    if any(each.gradients.step > 1 for each in networks):
        yield "steps read at once", [str(each.gradients.step) for each in networks]
    yield "parameters", [f"{each.parameters:,}" for each in networks]
    yield from _gradient_rows(networks)
    yield from _influence_rows(networks)
    for name in _METRICS:
        yield f"{METRICS[name].title} on the holdout", [number(each.holdout.get(name)) for each in networks]
    yield "training, seconds", [f"{each.seconds:.1f}" for each in networks]


def _gradient_rows(networks: Sequence[ComparedNetwork]) -> Iterator[Row]:
    totals = [each.gradients.total for each in networks]
    yield "gradient, newest state", [number(float(flow.norm[0])) for flow in totals]
    yield "gradient, oldest state", [number(float(flow.norm[-1])) for flow in totals]
    yield "left", [describe_left(flow) for flow in totals]
    yield "the gradient", [flow.fate_in_words for flow in totals]
    yield (
        "half-life, steps",
        [f"over {each.gradients.context}" if each.half_life is None else str(each.half_life) for each in networks],
    )
    yield "memory, steps", [str(flow.memory) for flow in totals]
    backward = [each.gradients.backward for each in networks]
    if any(backward):
        yield "left, read backward", [describe_left(flow) if flow else "-" for flow in backward]
        yield "the gradient, backward", [flow.fate_in_words if flow else "-" for flow in backward]
        yield "memory, backward", [str(flow.memory) if flow else "-" for flow in backward]


def _influence_rows(networks: Sequence[ComparedNetwork]) -> Iterator[Row]:
    """Yield the rows of lags in their order, then the covariates with the largest shares."""
    largest: dict[str, float] = {}
    is_lags: dict[str, bool] = {}
    for influence in (influence for network in networks for influence in network.influences):
        largest[influence.name] = max(influence.share, largest.get(influence.name, 0.0))
        is_lags[influence.name] = influence.is_lags
    covariates = sorted((name for name in largest if not is_lags[name]), key=lambda name: -largest[name])
    names = [name for name in largest if is_lags[name]] + covariates[:_COVARIATES_SHOWN]
    for name in names:
        if largest[name] >= _MIN_SHARE:
            shares = [{each.name: each.share for each in network.influences}.get(name) for network in networks]
            yield clip(f"influence: {name}", _NAME_WIDTH), [share(value) for value in shares]


def _baselines(comparison: NetworkComparison) -> Iterator[RenderableType]:
    """Yield a sentence on the naive forecasts of the same holdout, if it has a MASE."""
    scores = {name.replace("_", " "): each.get("mase") for name, each in comparison.baselines.items()}
    parts = [f"{number(value)} for {name}" for name, value in scores.items() if value is not None]
    if parts:
        yield Sentence(f"On this holdout the MASE is {' and '.join(parts)}.")
