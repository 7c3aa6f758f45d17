"""Local normalisation: there, back, and at every level a float32 can hold."""

import math
import statistics
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from forecaster.config import ScaleKind
from forecaster.network.scale import MIN_GAMMA, MIN_RELATIVE_SCALE, Scale, Scaled

NAN = math.nan
SEASON, SERIES, HORIZON = 7, 3, 10
KINDS: list[ScaleKind] = ["last", "mean", "none", "standard", "mean_abs", "instance", "seasonal", "cycle"]
LOGARITHMIC: list[ScaleKind] = ["last", "mean", "none", "standard", "instance", "seasonal", "cycle"]
LOCATED: list[ScaleKind] = ["last", "mean", "standard", "instance", "seasonal", "cycle"]  # a shift changes nothing
LOCAL: list[ScaleKind] = ["last", "mean", "instance", "seasonal", "cycle"]  # over the window's standard deviation
every_scale = pytest.mark.parametrize(
    ("kind", "is_log"), [(kind, False) for kind in KINDS] + [(kind, True) for kind in LOGARITHMIC]
)
unitless_kind = pytest.mark.parametrize("kind", [*LOCATED, "mean_abs"])
located_kind = pytest.mark.parametrize("kind", LOCATED)
local_kind = pytest.mark.parametrize("kind", LOCAL)
log_kind = pytest.mark.parametrize("kind", LOGARITHMIC)


def batch(*windows: list[float]) -> Tensor:
    return torch.tensor(windows)


def noise(rows: int = 4, steps: int = 60) -> Tensor:
    """Draw [rows, steps] standard normal, a tenth of it missing."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(rows, steps, generator=generator)
    return values.where(torch.rand(rows, steps, generator=generator) > 0.1, torch.nan)


def data(is_log: bool) -> tuple[Tensor, Tensor]:
    """Contexts [4, 60] with gaps and targets [4, HORIZON], around 20 or positive over several sizes."""
    values, target = noise(), torch.randn(4, HORIZON, generator=torch.Generator().manual_seed(1))
    return (values.exp(), target.exp()) if is_log else (values * 3 + 20, target * 3 + 20)


def trained(kind: ScaleKind, *, is_log: bool = False) -> Scale:
    """Return a scale whose parameters differ from their initial values."""
    scale = Scale(kind, is_log=is_log, season=SEASON, series=SERIES)
    if kind == "instance":
        torch.nn.init.constant_(scale.stretch, 0.7)
        torch.nn.init.constant_(scale.shift, -0.3)
    if kind == "cycle":
        with torch.no_grad():
            scale.cycle[:-1] = torch.randn(SERIES, SEASON, generator=torch.Generator().manual_seed(2))
    return scale


def apply(scale: Scale, values: Tensor, spread: Tensor | float = 1.0, centre: Tensor | None = None) -> Scaled:
    """Scale windows of series 0, 1, 2, unseen, 0, ... whose phases differ; the centre is their mean where not given."""
    rows = torch.arange(len(values))
    spread = torch.as_tensor(spread).expand(len(values))
    centre = values.double().nanmean(1).nan_to_num().float() if centre is None else centre
    scaled: Scaled = scale(
        values, spread, horizon=HORIZON, centre=centre, series=rows % (SERIES + 1), phase=(rows * 3 + 2) % SEASON
    )
    return scaled


def test_last_subtracts_the_last_observed_value_and_divides_by_the_standard_deviation() -> None:
    scaled = Scale("last")(batch([1.0, NAN, 5.0, 3.0, NAN]), torch.tensor([1.0]))
    std = statistics.pstdev([1, 5, 3])
    assert scaled.location.tolist() == [[3]]
    assert scaled.scale.item() == pytest.approx(std)
    assert scaled.values[0].tolist() == pytest.approx([-2 / std, 0, 2 / std, 0, 0])
    assert scaled.mask[0].tolist() == [1, 0, 1, 1, 0]


def test_mean_subtracts_the_mean_of_the_observed_values() -> None:
    scaled = Scale("mean")(batch([1.0, NAN, 5.0, 6.0]), torch.tensor([1.0]))
    std = statistics.pstdev([1, 5, 6])
    assert scaled.location.item() == pytest.approx(4)
    assert scaled.scale.item() == pytest.approx(std)
    assert scaled.values[0].tolist() == pytest.approx([-3 / std, 0, 1 / std, 2 / std])


def test_none_leaves_the_values_as_they_are() -> None:
    scaled = Scale("none")(batch([1.0, NAN, 5.0]), torch.tensor([7.0]))
    assert scaled.values.tolist() == [[1, 0, 5]]
    assert (scaled.location.item(), scaled.scale.item()) == (0, 1)


def test_standard_takes_mean_and_deviation_of_the_history_not_of_the_window() -> None:
    scaled = Scale("standard")(batch([1.0, NAN, 5.0]), torch.tensor([4.0]), centre=torch.tensor([9.0]))
    assert scaled.values.tolist() == [[-2, 0, -1]]
    assert (scaled.location.item(), scaled.scale.item()) == (9, 4)


def test_mean_abs_divides_by_the_mean_absolute_value_and_subtracts_nothing() -> None:
    scaled = Scale("mean_abs")(batch([-1.0, NAN, 4.0, 0.0, 7.0]), torch.tensor([1.0]))
    assert (scaled.location.item(), scaled.scale.item()) == (0, pytest.approx(3))
    assert scaled.values[0].tolist() == pytest.approx([-1 / 3, 0, 4 / 3, 0, 7 / 3])


def test_instance_starts_as_mean_and_then_stretches_and_shifts() -> None:
    values, target = data(is_log=False)
    mean, scale = apply(Scale("mean"), values), Scale("instance")
    assert torch.equal(apply(scale, values).values, mean.values)
    torch.nn.init.constant_(scale.stretch, math.log(math.expm1(1.5 * math.log(2))))  # a softplus 1.5 times that of 0
    torch.nn.init.constant_(scale.shift, -0.25)
    scaled, gamma = apply(scale, values), MIN_GAMMA + (1 - MIN_GAMMA) * 1.5
    torch.testing.assert_close(scaled.values, (mean.values * gamma - 0.25) * mean.mask)
    torch.testing.assert_close(scaled.forward(target), mean.forward(target) * gamma - 0.25)


def test_gamma_never_comes_near_zero() -> None:
    scale = Scale("instance")
    torch.nn.init.constant_(scale.stretch, -1e6)
    scaled = apply(scale, noise())
    assert scaled.gamma.item() == pytest.approx(MIN_GAMMA)
    assert scaled.inverse(torch.randn(4, HORIZON)).isfinite().all()


@pytest.mark.parametrize(("season", "steps"), [(1, 20), (7, 60), (7, 59), (7, 14), (7, 5), (24, 60)])
def test_seasonal_is_the_plain_loop(season: int, steps: int) -> None:
    values = noise(steps=60)[:, :steps] * 3 + 20
    values[0, season - 1 :: 2 * season] = torch.nan  # some references are two seasons back
    values[1, :: max(season, 2)] = torch.nan  # a phase that is never observed, or every other step
    scaled = Scale("seasonal", season=season)(values, torch.ones(4), horizon=HORIZON)
    for row, window in enumerate(values.tolist()):
        known = [value for value in window if not math.isnan(value)]
        divisor = max(statistics.pstdev(known), MIN_RELATIVE_SCALE)

        def latest(step: int, window: list[float] = window) -> float | None:
            while step >= 0:
                if step < steps and not math.isnan(window[step]):
                    return window[step]
                step -= season
            return None

        for step, value in enumerate(window):
            before = latest(step - season)
            is_known = not math.isnan(value) and before is not None
            assert scaled.mask[row, step] == is_known
            expected = (value - before) / divisor if is_known else 0
            assert scaled.values[row, step].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)
        for step in range(HORIZON):
            before = latest(steps + step)
            expected = statistics.mean(known) if before is None else before
            assert scaled.location[row, step].item() == pytest.approx(expected, rel=1e-5)


def test_a_window_that_repeats_exactly_is_zero_and_its_scale_is_that_of_the_values() -> None:
    season = [3.0, 9.0, 4.0]
    scaled = Scale("seasonal", season=3)(batch(season * 4), torch.ones(1), horizon=5)
    assert not scaled.values.any()
    assert scaled.scale.item() == pytest.approx(statistics.pstdev(season))
    assert scaled.inverse(torch.zeros(1, 5)).tolist() == [[3, 9, 4, 3, 9]]


@pytest.mark.parametrize("is_log", [False, True])
def test_cycle_is_the_plain_loop(is_log: bool) -> None:
    values, target = data(is_log)
    scale = trained("cycle", is_log=is_log)
    mean, scaled = apply(Scale("mean", is_log=is_log), values), apply(scale, values)
    context, future = mean.values.tolist(), mean.forward(target).tolist()
    for row in range(4):
        cycle, phase = scale.cycle[row % (SERIES + 1)].tolist(), (row * 3 + 2) % SEASON
        for step in range(60):
            expected = context[row][step] - cycle[(phase + step - 60) % SEASON]
            assert scaled.values[row, step].item() == pytest.approx(expected * mean.mask[row, step].item(), abs=1e-5)
        for step in range(HORIZON):
            expected = future[row][step] - cycle[(phase + step) % SEASON]
            assert scaled.forward(target)[row, step].item() == pytest.approx(expected, abs=1e-5)


@every_scale
def test_the_inverse_gives_back_what_was_scaled(kind: ScaleKind, is_log: bool) -> None:
    values, target = data(is_log)
    target[1, 3] = torch.nan
    scaled = apply(trained(kind, is_log=is_log), values)
    torch.testing.assert_close(scaled.inverse(scaled.forward(target)), target, equal_nan=True)


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("kind", ["last", "mean", "none", "standard", "instance", "cycle"])
def test_the_context_is_scaled_as_the_same_values_in_the_horizon(kind: ScaleKind, is_log: bool) -> None:
    values, _ = data(is_log)
    rows = torch.arange(4)
    for step in range(0, 60 - HORIZON - SEASON, SEASON):  # of the same phases as the horizon
        scaled = trained(kind, is_log=is_log)(
            values,
            torch.ones(4),
            horizon=HORIZON,
            centre=torch.ones(4),
            series=rows,
            phase=torch.full((4,), 60 % SEASON),
        )
        start = 60 % SEASON + step
        part = slice(start, start + HORIZON)
        torch.testing.assert_close(scaled.forward(values[:, part]).nan_to_num(), scaled.values[:, part])


@every_scale
def test_quantiles_come_back_like_single_values_and_in_order(kind: ScaleKind, is_log: bool) -> None:
    scaled = apply(trained(kind, is_log=is_log), noise() * 1e-3 + 1e4)
    quantiles = torch.randn(4, HORIZON, 15).sort(dim=2).values
    result = scaled.inverse(quantiles)
    assert result.shape == (4, HORIZON, 15)
    assert torch.equal(result[:, :, 3], scaled.inverse(quantiles[:, :, 3]))
    assert (result.diff(dim=2) >= 0).all()


@unitless_kind
@pytest.mark.parametrize("factor", [2.0**20, 2.0**-10, -4.0])
def test_a_factor_moves_into_the_scale_and_changes_nothing_else(kind: ScaleKind, factor: float) -> None:
    values, scale = noise(), Scale(kind, season=SEASON, series=SERIES)
    scaled, multiplied = apply(scale, values, 0.8), apply(scale, values * factor, 0.8 * abs(factor))
    assert torch.equal(multiplied.values, scaled.values * math.copysign(1, factor))  # powers of two round alike
    assert torch.equal(multiplied.scale, scaled.scale * abs(factor))


@unitless_kind
@pytest.mark.parametrize("factor", [2.0**20, 2.0**-10])
def test_a_factor_on_the_data_is_a_factor_on_the_forecast(kind: ScaleKind, factor: float) -> None:
    (values, _), raw = data(is_log=False), torch.randn(4, HORIZON)
    scaled, multiplied = apply(trained(kind), values), apply(trained(kind), values * factor, factor)
    assert torch.equal(multiplied.values, scaled.values)
    assert torch.equal(multiplied.inverse(raw), scaled.inverse(raw) * factor)


@located_kind
@pytest.mark.parametrize("factor", [1e6, 1e-3])
def test_a_factor_on_positive_data_moves_into_the_location_of_their_logarithm(kind: ScaleKind, factor: float) -> None:
    (values, _), raw, scale = data(is_log=True), torch.randn(4, HORIZON), trained(kind, is_log=True)
    scaled, multiplied = apply(scale, values), apply(scale, values * factor, factor)
    torch.testing.assert_close(multiplied.values, scaled.values)
    torch.testing.assert_close(multiplied.scale, scaled.scale)
    torch.testing.assert_close(multiplied.location, scaled.location + math.log(factor), rtol=0, atol=1e-6)
    torch.testing.assert_close(multiplied.inverse(raw), scaled.inverse(raw) * factor)


@located_kind
def test_a_shift_moves_into_the_location_and_changes_nothing_else(kind: ScaleKind) -> None:
    values = (noise() * 64).round()  # whole numbers: the shift itself rounds nothing
    scaled, shifted = apply(trained(kind), values, 64.0), apply(trained(kind), values + 4096, 64.0)
    torch.testing.assert_close(shifted.values, scaled.values, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(shifted.location, scaled.location + 4096)
    torch.testing.assert_close(shifted.scale, scaled.scale)


@local_kind
@pytest.mark.parametrize(("level", "size"), [(0, 1), (1e6, 1), (1e9, 1e4), (1e-3, 1e-6), (0, 1e-38), (0, 1e36)])
def test_the_scale_is_right_at_any_level(kind: ScaleKind, level: float, size: float) -> None:
    values = noise() * size + level
    scaled = apply(trained(kind), values, 0.0)
    exact = values.double()
    expected = torch.stack([row[~row.isnan()].std(correction=0) for row in exact])
    torch.testing.assert_close(scaled.scale.double(), expected, rtol=1e-4, atol=0)
    assert scaled.values.isfinite().all()
    assert scaled.values.abs().max() < 10


def test_the_mean_absolute_value_is_right_at_any_size() -> None:
    values = torch.full((3, 50), 1e38) * torch.tensor([[1.0], [1e-38], [1e-75]])
    scaled = Scale("mean_abs")(values, torch.zeros(3))
    torch.testing.assert_close(scaled.scale, values[:, 0])


@log_kind
@pytest.mark.parametrize("level", [1e-37, 1e-3, 1.0, 1e9, 1e37])
def test_logarithms_keep_small_movements_at_any_level(kind: ScaleKind, level: float) -> None:
    values = level * (1 + noise() * 1e-4)
    scaled = apply(trained(kind, is_log=True), values, level * 1e-4)
    assert scaled.values.isfinite().all()
    back, target = scaled.inverse(scaled.forward(values[:, :HORIZON])), values[:, :HORIZON]
    rtol = 1e-5 if kind == "none" else 1e-6  # a logarithm of 85 that nothing is subtracted from is rounded itself
    torch.testing.assert_close(back, target, rtol=rtol, atol=0, equal_nan=True)
    if kind in LOCAL:
        expected = torch.stack([row[~row.isnan()].double().log().std(correction=0) for row in values])
        torch.testing.assert_close(scaled.scale.double(), expected, rtol=1e-5, atol=0)


@log_kind
def test_values_without_a_logarithm_are_as_good_as_missing(kind: ScaleKind) -> None:
    values, target = data(is_log=True)
    values[:, 10:20:3], values[0, -1], target[2, 4] = -1.0, 0.0, 0.0
    missing = values.where(values > 0, torch.nan)
    scale, centre = trained(kind, is_log=True), torch.ones(4)
    scaled, expected = apply(scale, values, 1.0, centre), apply(scale, missing, 1.0, centre)
    assert torch.equal(scaled.mask, expected.mask)
    assert torch.equal(scaled.values, expected.values)
    raw = torch.randn(4, HORIZON)
    assert torch.equal(scaled.inverse(raw), expected.inverse(raw))
    assert scaled.forward(target).isnan().nonzero().tolist() == [[2, 4]]


def test_logarithms_floor_the_scale_by_the_deviation_of_a_lognormal_history() -> None:
    mean, deviation = 1.5, 0.8  # of the logarithm
    centre = math.exp(mean + deviation**2 / 2)
    spread = centre * math.sqrt(math.expm1(deviation**2))
    history = torch.tensor([spread]), torch.tensor([centre])
    flat = Scale("last", is_log=True)(batch([5.0, 5.0, 5.0]), history[0], centre=history[1])
    assert flat.scale.item() == pytest.approx(MIN_RELATIVE_SCALE * deviation)
    standard = Scale("standard", is_log=True)(batch([5.0, 6.0]), history[0], centre=history[1])
    assert (standard.location.item(), standard.scale.item()) == (pytest.approx(mean), pytest.approx(deviation))


@log_kind
def test_the_inverse_of_a_logarithm_is_positive_and_finite_whatever_is_said(kind: ScaleKind) -> None:
    values, _ = data(is_log=True)
    scaled = apply(trained(kind, is_log=True), values)
    result = scaled.inverse(torch.tensor([-1e38, -1e4, 0.0, 1e4, 1e38]).expand(4, HORIZON, 5))
    assert result.isfinite().all()
    assert (result > 0).all()
    assert (result.diff(dim=2) >= 0).all()


@log_kind
@pytest.mark.parametrize("centre", [0.0, -3.0])
def test_logarithms_of_a_history_that_is_not_positive_are_finite(kind: ScaleKind, centre: float) -> None:
    scaled = apply(trained(kind, is_log=True), batch([-1.0, 0.0, 2.0, 3.0, -5.0]), 2.0, torch.tensor([centre]))
    assert scaled.values.isfinite().all()
    assert scaled.inverse(torch.randn(1, HORIZON)).isfinite().all()


@pytest.mark.parametrize("centre", [0.0, -3.0])
def test_a_history_that_is_not_positive_gives_logarithms_no_floor(centre: float) -> None:
    scaled = apply(Scale("last", is_log=True), batch([2.0, 2.0]), 100.0, torch.tensor([centre]))
    assert scaled.scale.item() == 0


@pytest.mark.parametrize(("kind", "is_log"), [(kind, False) for kind in LOCATED] + [(kind, True) for kind in LOCATED])
@pytest.mark.parametrize("level", [0.0, 0.1, -1e6, 1e9])
def test_a_constant_series_comes_back_as_its_constant_whatever_is_said_of_it(
    kind: ScaleKind, is_log: bool, level: float
) -> None:
    if is_log:
        level = abs(level) or 1.0
    constant = torch.full((1, 50), level)
    constant[0, 10:20] = torch.nan
    scaled = apply(Scale(kind, is_log=is_log, season=SEASON, series=SERIES), constant, 0.0, torch.tensor([level]))
    assert not scaled.values.any()
    expected = torch.full((1, HORIZON), level)
    assert torch.equal(scaled.inverse(torch.randn(1, HORIZON)), expected)
    assert torch.equal(apply(trained(kind, is_log=is_log), constant, 0.0).inverse(torch.randn(1, HORIZON)), expected)
    assert scaled.forward(expected).isnan().all()  # nothing to learn


def test_a_series_of_zeros_comes_back_as_zeros_from_the_mean_absolute_value() -> None:
    scaled = Scale("mean_abs")(torch.zeros(1, 20), torch.zeros(1))
    assert torch.equal(scaled.inverse(torch.randn(1, 8)), torch.zeros(1, 8))
    assert scaled.forward(torch.zeros(1, 8)).isnan().all()


@local_kind
def test_a_flat_stretch_of_a_lively_series_is_not_blown_up(kind: ScaleKind) -> None:
    scaled = apply(Scale(kind, season=2, series=SERIES), batch([5.0, 5.0, 5.0, 5.0]), 10.0)
    assert scaled.scale.item() == pytest.approx(MIN_RELATIVE_SCALE * 10)
    assert not scaled.values.any()


def test_a_stretch_of_zeros_in_a_lively_series_is_not_blown_up() -> None:
    scaled = Scale("mean_abs")(torch.zeros(1, 4), torch.tensor([10.0]))
    assert scaled.scale.item() == pytest.approx(MIN_RELATIVE_SCALE * 10)


@pytest.mark.parametrize("spread", [0.0, 1e-38])
def test_a_window_outside_of_its_history_stays_finite(spread: float) -> None:
    scaled = Scale("standard")(noise() * 1e30, torch.full((4,), spread), centre=torch.zeros(4))
    assert scaled.values.abs().max() < 10 / MIN_RELATIVE_SCALE


@local_kind
def test_one_observed_value_gives_the_location_and_the_history_gives_the_scale(kind: ScaleKind) -> None:
    scaled = apply(Scale(kind, season=SEASON, series=SERIES), batch([NAN, 7.0, NAN]), 2.0, torch.tensor([5.0]))
    assert torch.equal(scaled.location, torch.full_like(scaled.location, 7))
    assert scaled.scale.item() == 2
    assert scaled.values.tolist() == [[0, 0, 0]]
    assert scaled.mask.tolist() == [[0, 0 if kind == "seasonal" else 1, 0]]


@every_scale
@pytest.mark.parametrize("spread", [0.0, 3.0])
@pytest.mark.parametrize("window", [[NAN, NAN], [NAN, 7.0]])
def test_a_window_with_one_value_or_none_is_finite(
    kind: ScaleKind, is_log: bool, spread: float, window: list[float]
) -> None:
    scaled = apply(trained(kind, is_log=is_log), batch(window), spread, torch.tensor([5.0]))
    assert scaled.values.isfinite().all()
    assert scaled.inverse(torch.randn(1, HORIZON)).isfinite().all()
    if math.isnan(window[1]):
        assert not scaled.values.any()
        assert not scaled.mask.any()
        assert scaled.scale.item() == (kind == "none")
        # there is nothing to learn from it
        assert scaled.forward(torch.ones(1, HORIZON)).isnan().all().item() is (kind != "none")


@located_kind
def test_the_location_of_a_window_with_nothing_observed_is_the_mean_of_the_history(kind: ScaleKind) -> None:
    for is_log in (False, True):
        window, centre = batch([NAN, NAN]), torch.tensor([5.0])
        scaled = apply(trained(kind, is_log=is_log), window, 0.0, centre)
        assert torch.equal(scaled.inverse(torch.randn(1, HORIZON)), torch.full((1, HORIZON), 5.0))


def test_the_location_of_a_window_with_nothing_observed_and_no_history_is_zero() -> None:
    assert Scale("last")(batch([NAN, NAN]), torch.ones(1)).location.tolist() == [[0]]


@every_scale
def test_unknown_targets_stay_unknown(kind: ScaleKind, is_log: bool) -> None:
    (values, target), unknown = data(is_log), torch.arange(HORIZON) % 3 == 1
    scaled = apply(trained(kind, is_log=is_log), values)
    assert torch.equal(scaled.forward(target.where(~unknown, torch.nan)).isnan(), unknown.expand(4, -1))


@every_scale
def test_missing_steps_before_a_window_change_nothing(kind: ScaleKind, is_log: bool) -> None:
    (values, _), scale = data(is_log), trained(kind, is_log=is_log)
    padded = torch.cat((torch.full((4, 30), torch.nan), values), dim=1)
    short, long = apply(scale, values), apply(scale, padded)
    torch.testing.assert_close(long.values[:, 30:], short.values)
    assert torch.equal(long.mask[:, 30:], short.mask)
    assert not long.mask[:, :30].any()
    torch.testing.assert_close((long.location, long.scale), (short.location, short.scale))


@every_scale
def test_windows_do_not_see_each_other(kind: ScaleKind, is_log: bool) -> None:
    (values, target), scale = data(is_log), trained(kind, is_log=is_log)
    together, alone = apply(scale, values), apply(scale, values[:1])  # rows are numbered from the first
    assert torch.equal(together.values[:1], alone.values)
    assert torch.equal(together.forward(target)[:1], alone.forward(target[:1]))


@every_scale
def test_everything_is_in_the_dtype_of_the_data_but_the_location_of_logarithms(kind: ScaleKind, is_log: bool) -> None:
    values, target = data(is_log)
    scaled = apply(trained(kind, is_log=is_log), values)
    parts = (scaled.values, scaled.mask, scaled.scale, scaled.gamma, scaled.beta, scaled.forward(target))
    assert {part.dtype for part in (*parts, scaled.inverse(target))} == {torch.float32}
    assert scaled.location.dtype == (torch.float64 if is_log else torch.float32)
    assert scaled.location.shape in {(4, 1), (4, HORIZON)}


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize(
    ("kind", "name", "give"),
    [
        ("instance", "stretch", lambda scaled, _: scaled.values),
        ("instance", "stretch", lambda scaled, _: scaled.inverse(torch.ones(4, HORIZON))),
        ("instance", "shift", lambda scaled, _: scaled.values),
        ("instance", "shift", lambda scaled, target: scaled.forward(target).nan_to_num()),
        ("cycle", "cycle", lambda scaled, _: scaled.values),
        ("cycle", "cycle", lambda scaled, target: scaled.forward(target).nan_to_num()),
        ("cycle", "cycle", lambda scaled, _: scaled.inverse(torch.ones(4, HORIZON))),
    ],
)
def test_the_gradient_of_contexts_targets_and_forecasts_reaches_what_is_learnt(
    kind: ScaleKind, is_log: bool, name: str, give: Callable[[Scaled, Tensor], Tensor]
) -> None:
    values, target = data(is_log)
    values[1], target[2, 4] = torch.nan, torch.nan
    scale = trained(kind, is_log=is_log)
    give(apply(scale, values), target).square().sum().backward()
    gradient = scale.get_parameter(name).grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert gradient.any()


def test_a_loss_in_scaled_units_cannot_be_had_by_shrinking_gamma() -> None:
    values, target = data(is_log=False)
    scale = trained("instance")
    scaled = apply(scale, values)
    scaled.forward(target).square().sum().backward()
    assert scale.stretch.grad is None
    apply(scale, values).inverse(torch.ones(4, HORIZON)).sum().backward()
    assert scale.stretch.grad is not None
    assert scale.stretch.grad.any()


def test_the_cycle_of_unseen_series_is_never_trained() -> None:
    values, target = data(is_log=False)
    scale = Scale("cycle", season=SEASON, series=SERIES)
    optimizer = torch.optim.AdamW(scale.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        scaled = apply(scale, values)  # the last row is of an unseen series
        (scaled.values.square().sum() + scaled.forward(target).square().sum()).backward()
        optimizer.step()
    assert not scale.cycle[SERIES].any()
    assert scale.cycle[:SERIES].all()


def test_a_learnt_cycle_is_the_cycle_of_the_data() -> None:
    season = torch.tensor([0.0, 2.0, -1.0, 1.0, 4.0, -3.0, -3.0])
    values = season.repeat(10)[None]
    scale = Scale("cycle", season=SEASON, series=1)
    optimizer = torch.optim.Adam(scale.parameters(), lr=0.1)
    for _ in range(120):
        optimizer.zero_grad()
        scaled = scale(
            values[:, :63], torch.ones(1), horizon=7, series=torch.tensor([0]), phase=torch.tensor([63 % SEASON])
        )
        scaled.forward(values[:, 63:]).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(scale.cycle[0], season / season.std(correction=0), rtol=0, atol=0.02)
    assert scaled.values.abs().max() < 0.02


@pytest.mark.parametrize(
    ("kind", "is_log", "missing"),
    [
        ("standard", False, "centre"),
        ("last", True, "centre"),
        ("seasonal", False, "horizon"),
        ("cycle", False, "horizon"),
    ],
)
def test_what_a_kind_needs_and_does_not_get_is_named(kind: ScaleKind, is_log: bool, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        Scale(kind, is_log=is_log)(noise(), torch.ones(4))
