"""The result of `forecast show` for the terminal: fits 80 columns, works without colour."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.report.terminal import backtest, compare, train, tune
from forecaster.report.terminal.layout import Sentence
from forecaster.report.words import file_size, plural, short_path

_TITLES = {
    "backtest": "a backtest of",
    "compare": "a comparison on",
    "tune": "a study of settings for",
}
_COLUMNS_SHOWN = 6
_HASH_SHOWN = 12  # digits


def summary(document: Mapping[str, Any]) -> RenderableType:
    """Return the content of a folder in words.

    Args:
        document: as returned by `workflows.show`; its `kind` says what is in the folder.
    """
    match document["kind"]:
        case "bundle":
            return _show_bundle(document)
        case "partial":
            return _show_partial(document)
        case "study":
            return _show_study(document)
        case "backtest":
            view = backtest.summary(document["metrics"], next(iter(document["metrics"]["backtest"]["overall"])))
        case "compare":
            view = compare.summary(document["metrics"])
        case _:
            view = tune.summary(document["metrics"])
    title = f"{short_path(document['folder'])}: {_TITLES[document['kind']]} {short_path(document['data'])}"
    return Group(Sentence(title, style="bold"), Text(), view)


def _show_bundle(document: Mapping[str, Any]) -> RenderableType:
    manifest = document["manifest"]
    created = manifest["created"].replace("T", " ").replace("+00:00", " UTC")
    size = file_size(sum(document["files"].values()))
    unchecked = ", ".join(document["unchecked"])
    rest = f", except {unchecked}, too large to check here" if unchecked else ""
    rows = {
        "model": _describe_model(document),
        "forecasts": _describe_forecasts(document),
        "data": _describe_data(document),
        "columns": _describe_columns(manifest["data"]["columns"]),
        "training": _describe_training(manifest),
        "versions": ", ".join(f"{name} {version}" for name, version in manifest["versions"].items()),
        "files": f"{len(document['files'])}, {size}; all match their hashes{rest}",
    }
    if "chosen" in manifest:
        by = "" if "members" in manifest["chosen"] else "by --model auto: "
        rows["chosen"] = f"{by}{manifest['chosen']['why']}"
    seconds = manifest["training"]["seconds"]
    title = f"{short_path(document['folder'])}: {manifest['model']}, trained on {created} in {seconds:.0f} s"
    parts: list[RenderableType] = [Sentence(title, style="bold"), _table(rows), Text()]
    parts.append(train.summary(document["metrics"], manifest["model"], Path(document["folder"])))
    for name, (trained, current) in document["other_versions"].items():
        state = "is not installed here" if current is None else f"is {current} here"
        parts.append(Sentence(f"{name} was {trained} in training and {state}."))
    if not document["is_trained_here"]:
        parts.append(Sentence("This user did not train it on this machine: name the data to predict from."))
    elif not document["is_data_there"]:
        source = short_path(manifest["data"]["absolute"])
        parts.append(Sentence(f"{source} does not exist any more: name fresh data to predict from."))
    return Group(*parts)


def _describe_model(document: Mapping[str, Any]) -> str:
    name, networks = document["manifest"]["model"], document["networks"]
    weights = (document["pretrained"] or [""])[0][:_HASH_SHOWN]
    if name == "pretrained":
        return f"the pretrained network, weights {weights}"
    if name == "fine_tuned":
        return (
            f"the pretrained network, fine-tuned from weights {weights}; {document['parameters']:,} trained parameters"
        )
    if not networks:
        return f"{name}, which has no network"
    is_named = "+" in name  # the name of a mixture lists its models
    pretrained = " and the pretrained network" if weights and not is_named else ""
    median = ", the median of all" if len(networks) > 1 or is_named or pretrained else ""
    models = f"{train.describe_networks(networks)}{pretrained}{median}"
    return f"{name}: {models}; {document['parameters']:,} trained parameters"


def _describe_forecasts(document: Mapping[str, Any]) -> str:
    manifest, limits = document["manifest"], document["limits"]
    facts = [
        f"{plural(manifest['horizon'], 'step')} ahead",
        "calibrated intervals" if document["is_calibrated"] else "intervals of the model, not calibrated",
    ]
    if limits["minimum"] is not None:
        facts.append(f"never below {limits['minimum']:g}")
    if limits["maximum"] is not None:
        facts.append(f"never above {limits['maximum']:g}")
    if limits["integer"]:
        facts.append("whole numbers")
    return "; ".join(facts)


def _describe_data(document: Mapping[str, Any]) -> str:
    data = document["manifest"]["data"]
    source = "standard input" if data["absolute"] == "-" else short_path(data["path"] or data["absolute"])
    size = f"{plural(data['rows'], 'row')}, {plural(data['series'], 'series')}, {document['frequency_in_words']}"
    return f"{source}: {size}, {data['first']} to {data['last']}, season {data['season']}"


def _describe_columns(columns: Mapping[str, Any]) -> str:
    parts = []
    for role, value in columns.items():
        names = [value] if isinstance(value, str) else list(value or ())
        names = [name for name in names if name != "none" or role != "time"]
        if names:
            rest = " ..." if len(names) > _COLUMNS_SHOWN else ""
            parts.append(f"{', '.join(names[:_COLUMNS_SHOWN])}{rest} -> {role}")
    return "; ".join(parts)


def _describe_training(manifest: Mapping[str, Any]) -> str:
    training = manifest["training"]
    steps = [f"{plural(count, 'step')} of {stage}" for stage, count in training["steps"].items() if count]
    if not steps:
        return "not necessary"
    speed = f", {training['windows_per_second']:,.0f} windows per second" if training["windows_per_second"] else ""
    threads = plural(training["threads"], "thread")
    return f"{', '.join(steps)}{speed}, on {training['device']}, {threads} per network, seed {manifest['seed']}"


def _show_partial(document: Mapping[str, Any]) -> RenderableType:
    state = "that is still running" if document["is_at_work"] else "that was interrupted"
    worker = f" ({document['worker']})" if document["worker"] else ""
    title = f"{short_path(document['folder'])}: a training {state}{worker}"
    networks = document["networks"]
    rows = {
        "model": f"{document['model']}: {train.describe_networks(networks)}" if networks else document["model"],
        "data": short_path(document["data"]),
        "saved": document["saved"].replace("T", " "),
        "progress": "; ".join(map(_describe_stage, document["progress"])) or "no training step yet",
    }
    return Group(Sentence(title, style="bold"), _table(rows))


def _describe_stage(stage: Mapping[str, Any]) -> str:
    steps = plural(stage["steps"], "step")
    if stage["stage"] == "fitted":
        return f"fit done in {steps}"
    limit = "" if stage["most"] is None else f" of at most {stage['most']:,}"
    return f"{stage['stage']}: {steps}{limit}"


def _show_study(document: Mapping[str, Any]) -> RenderableType:
    state = "still running" if document["is_at_work"] else "not finished"
    best = "no loss yet" if document["best"] is None else f"the best loss is {document['best']:.4f}"
    limit = "" if document["most"] is None else f" of {document['most']}"
    return Group(
        Sentence(f"{short_path(document['folder'])}: a study of settings, {state}", style="bold"),
        _table({"data": short_path(document["data"]), "trials": f"{document['trials']}{limit}, {best}"}),
    )


def _table(rows: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, text)
    return table
