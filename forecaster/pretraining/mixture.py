"""The mixture of synthetic series: frequencies, families and augmentation with their shares, from a versioned file."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, ValidationError, model_validator

from forecaster.config.section import Section
from forecaster.errors import ConfigError
from forecaster.settings import read_yaml

Kind = Literal["yearly", "quarterly", "monthly", "weekly", "daily", "hourly"]
Family = Literal["ets", "trend_season", "gaussian", "dynamics", "growth", "loads", "counts", "shapes", "chaos"]
Share = Annotated[float, Field(ge=0, le=1)]

_PATH = Path(__file__).with_name("mixture.yaml")
_SEASONS_OF_LOADS = (24, 48, 96)


class FrequencyShare(Section):
    """A frequency, its share of the series and the histories that it has in life.

    Attributes:
        season: steps in a season, 1 for none.
        second_season: steps in the second season; equals `season` if there is none.
        share: share of the series.
        kind: the kind of frequency, which chooses the shares of the families.
        shortest: shortest visible history in steps.
        longest: longest visible history in steps.
        loose: True for a season that follows no calendar, so that its length may drift.
        unknown_share: share of series whose season the network does not see, besides `unknown_season`.
    """

    season: int = Field(ge=1)
    second_season: int = Field(ge=1)
    share: Share
    kind: Kind
    shortest: int = Field(ge=3)
    longest: int
    loose: bool = False
    unknown_share: Share = 0.0

    @model_validator(mode="after")
    def _check(self) -> "FrequencyShare":
        if self.second_season < self.season:
            raise ValueError("second_season is at least season")
        if self.longest < self.shortest:
            raise ValueError("longest is at least shortest")
        if self.kind == "hourly" and self.season not in _SEASONS_OF_LOADS:
            raise ValueError(f"the season of kind hourly is one of {_SEASONS_OF_LOADS}")
        return self


class Seasonality(Section):
    """The strength of the season of a kind of frequency.

    Attributes:
        absent: share of series whose season has no effect, although the network sees its length.
        scale: bounds of the factor of the seasonal amplitude (log-uniform).
    """

    absent: Share
    scale: tuple[PositiveFloat, PositiveFloat]


class Augmentation(Section):
    """The share of series that each augmentation changes (see `forecaster.pretraining.augment`)."""

    mix: Share
    splice: Share
    modulate: Share
    censor: Share
    quantise: Share
    spikes: Share
    jitter: Share
    warp: Share
    flip: Share
    flip_positive: Share
    noise: Share
    shift: Share
    missing: Share
    unknown_season: Share
    wrong_season: Share
    unknown_second_season: Share


class Mixture(Section):
    """The mixture; the shares of the frequencies, and those of the families of each kind, sum to 1."""

    version: Literal[2]
    frequencies: tuple[FrequencyShare, ...] = Field(min_length=1)
    families: dict[Kind, dict[Family, Share]]
    seasonality: dict[Kind, Seasonality]
    augmentation: Augmentation

    @model_validator(mode="after")
    def _check(self) -> "Mixture":
        _check_sum("frequencies", [each.share for each in self.frequencies])
        for kind, shares in self.families.items():
            _check_sum(f"families.{kind}", list(shares.values()))
            if kind != "hourly" and shares.get("loads"):
                raise ValueError(f"families.{kind}: loads need frequencies of kind hourly")
        for name, table in (("families", set(self.families)), ("seasonality", set(self.seasonality))):
            missing = {each.kind for each in self.frequencies} - table
            if missing:
                raise ValueError(f"{name}: no entry for {', '.join(sorted(missing))}")
        return self


def load_mixture(path: Path | None = None) -> Mixture:
    """Return the mixture of a YAML file, by default that of the package.

    Raises:
        InputError: the file does not exist.
        ConfigError: it is not YAML, a key is missing or unknown, or shares do not sum to 1.
    """
    path = path or _PATH
    try:
        return Mixture.model_validate(read_yaml(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "mixture"
        raise ConfigError(f"{path.name}: {place}: {first['msg']}", hint="compare it with the package's file") from error


def _check_sum(name: str, shares: list[float]) -> None:
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"{name}: the shares sum to {sum(shares):g}, not to 1")
