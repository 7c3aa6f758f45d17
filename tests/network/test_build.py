"""The network that a configuration describes."""

from typing import Any

import pytest

from forecaster.config import Config
from forecaster.config.tree import validate
from forecaster.errors import ConfigError
from forecaster.forecast import PROBABILITIES
from forecaster.network.build import Dimensions, build
from forecaster.network.decode import Direct, Parallel
from forecaster.network.network import Network
from forecaster.network.recursive import Recursive, RecursiveNetwork

DIMENSIONS = Dimensions(horizon=5, season=6, series=3, past=1, known=2, static=1)


def built(**sections: Any) -> Network:
    model = {"context": 24, "hidden": 8} | sections.pop("model", {})
    config = validate({"model": model, **sections}, "test")
    return build(config, DIMENSIONS, probabilities=PROBABILITIES)


@pytest.mark.parametrize(
    ("kind", "decoder", "network"),
    [("direct", Direct, Network), ("parallel", Parallel, Network), ("recursive", Recursive, RecursiveNetwork)],
)
def test_the_decoder_is_the_one_that_was_named(kind: str, decoder: type, network: type) -> None:
    one = built(decode={"kind": kind}, head={"kind": "student_t"})
    assert type(one.decode) is decoder
    assert type(one) is network


def test_lags_beyond_the_context_are_not_copied() -> None:
    skip = built(decode={"skip": [6, 24, 48]}).skip
    assert skip is not None
    assert skip.gate.out_features == 3
    assert built(decode={"skip": [48]}).skip is None
    assert built(decode={"skip": []}).skip is None


def test_counts_have_no_place_to_copy_to() -> None:
    counts = built(decode={"skip": [6]}, head={"kind": "negative_binomial"}, scale={"kind": "mean_abs"})
    assert counts.skip is None


def test_a_segment_longer_than_the_context_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"embed\.width: a segment of 25 steps is longer than the context of 24"):
        built(embed={"width": 25})


def test_a_lag_within_the_segment_to_come_is_a_config_error() -> None:
    decode = {"kind": "recursive", "lags": [2, 3, 9]}
    with pytest.raises(ConfigError, match=r"decode\.lags: 2 steps back are part of the segment of 3") as caught:
        built(embed={"width": 3}, decode=decode)
    assert "embed.width=2" in caught.value.hint
    built(embed={"width": 2}, decode=decode)


def test_a_model_without_a_network_cannot_be_built() -> None:
    config = Config.model_validate({"model": {"kind": "naive"}})
    with pytest.raises(TypeError, match="naive"):
        build(config, DIMENSIONS, probabilities=PROBABILITIES)
