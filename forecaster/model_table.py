"""Every name that `--model` accepts, in one table. It loads nothing, so that `--help` can read it."""

from typing import TYPE_CHECKING, Literal, NamedTuple


class Model(NamedTuple):
    """A row of the table.

    Attributes:
        name: `model.kind` in a config, or a recipe.
        kind: the sort of model. A cell replaces only the cell of the preset, a recipe replaces the whole preset.
        layer: of a cell, the class of its layer, as `module:Class` below `network.recurrent`.
    """

    name: str
    kind: Literal["cell", "recipe", "pretrained", "baseline", "statistical", "auto"]
    layer: str = ""


MODELS = (
    Model("gru", "cell", "gru:Gru"),
    Model("lstm", "cell", "lstm:Lstm"),
    Model("rnn", "cell", "rnn:Rnn"),
    Model("mingru", "cell", "mingru:MinGru"),
    Model("minlstm", "cell", "minlstm:MinLstm"),
    Model("slstm", "cell", "slstm:Slstm"),
    Model("segrnn", "recipe"),
    Model("deepar", "recipe"),
    Model("pretrained", "pretrained"),
    Model("naive", "baseline"),
    Model("seasonal_naive", "baseline"),
    Model("drift", "baseline"),
    Model("auto_ets", "statistical"),
    Model("auto_theta", "statistical"),
    Model("auto_arima", "statistical"),
    Model("croston", "statistical"),
    Model("tsb", "statistical"),
    Model("auto", "auto"),
)
MODEL_NAMES = tuple(model.name for model in MODELS)
CELLS = {model.name: model.layer for model in MODELS if model.kind == "cell"}

NETWORK_NAMES = tuple(model.name for model in MODELS if model.kind in ("cell", "recipe"))

if TYPE_CHECKING:
    ModelName = str
    NetworkName = str
else:
    ModelName = Literal[MODEL_NAMES]
    NetworkName = Literal[NETWORK_NAMES]
