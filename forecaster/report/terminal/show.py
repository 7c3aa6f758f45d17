"""What lies in a folder that a command wrote, for the terminal: legible at 80 columns and without colour."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.report.terminal import backtest, compare, train, tune
from forecaster.report.words import file_size

_TITLES = {
    "backtest": "a backtest of",
    "compare": "a comparison on",
    "tune": "a search of settings for",
}


def summary(document: dict[str, Any]) -> RenderableType:
    """A folder in words, by its kind (see `workflows.show`)."""
    match document["kind"]:
        case "bundle":
            return _bundle(document)
        case "partial":
            return _partial(document)
        case "study":
            return _study(document)
        case "backtest":
            view = backtest.summary(document["metrics"], next(iter(document["metrics"]["backtest"]["overall"])))
        case "compare":
            view = compare.summary(document["metrics"])
        case _:
            view = tune.summary(document["metrics"])
    title = f"{document['folder']}: {_TITLES[document['kind']]} {document['data']}"
    return Group(Text(title, style="bold"), Text(), view)


def _bundle(document: dict[str, Any]) -> RenderableType:
    manifest = document["manifest"]
    created = manifest["created"].replace("T", " ").replace("+00:00", " UTC")
    seconds = manifest["training"]["seconds"]
    rows = {
        "model": _model(document),
        "forecasts": _forecasts(document),
        "data": _data(document),
        "columns": _columns(manifest["data"]["columns"]),
        "training": _training(manifest),
        "versions": ", ".join(f"{name} {number}" for name, number in manifest["versions"].items()),
        "files": f"{len(document['files'])}, {file_size(sum(document['files'].values()))}, each as its hash says",
    }
    if "chosen" in manifest:
        rows["chosen"] = f"by --model auto: {manifest['chosen']['why']}"
    title = f"{document['folder']}: {manifest['model']}, trained on {created} in {seconds:.0f} s"
    parts: list[RenderableType] = [Text(title, style="bold"), _table(rows), Text()]
    parts.append(train.summary(document["metrics"], manifest["model"]))
    for name, (then, now) in document["other_versions"].items():
        parts.append(Text(f"{name} was {then} in training and {'is missing' if now is None else f'is {now}'} here."))
    if not document["is_data_there"]:
        parts.append(Text(f"{manifest['data']['absolute']} is not there any more: name fresh data to predict from."))
    return Group(*parts)


def _model(document: dict[str, Any]) -> str:
    name, networks = document["manifest"]["model"], document["networks"]
    if not networks:
        return f"{name}, which learns no network"
    learnt = f"{document['parameters']:,} learnt numbers"
    combined = ", the median of all" if len(networks) > 1 or "+" in name else ""
    return f"{name}: {train.tell_networks(networks)}{combined}; {learnt}"


def _forecasts(document: dict[str, Any]) -> str:
    manifest, limits = document["manifest"], document["limits"]
    told = f"{manifest['horizon']} steps ahead; the point is the {manifest['point']}"
    told += "; intervals calibrated" if document["is_calibrated"] else "; intervals as the model gives them"
    if limits["minimum"] is not None:
        told += f"; never below {limits['minimum']:g}"
    if limits["maximum"] is not None:
        told += f"; never above {limits['maximum']:g}"
    return told + ("; whole numbers" if limits["integer"] else "")


def _data(document: dict[str, Any]) -> str:
    data = document["manifest"]["data"]
    source = "standard input" if data["absolute"] == "-" else data["path"]
    return (
        f"{source}: {data['rows']:,} rows, {data['series']:,} series, {document['frequency_in_words']},"
        f" {data['first']} to {data['last']}, season {data['season']}"
    )


def _columns(columns: dict[str, Any]) -> str:
    told = []
    for role, names in columns.items():
        some = [names] if isinstance(names, str) else list(names or ())
        some = [name for name in some if name != "none" or role != "time"]
        if some:
            told.append(f"{', '.join(some[:6])}{' ...' if len(some) > 6 else ''} -> {role}")
    return "; ".join(told)


def _training(manifest: dict[str, Any]) -> str:
    training = manifest["training"]
    steps = {stage: count for stage, count in training["steps"].items() if count}
    if not steps:
        return "none needed"
    told = ", ".join(f"{count:,} steps of {stage}" for stage, count in steps.items())
    pace = f", {training['windows_per_second']:,.0f} windows a second" if training["windows_per_second"] else ""
    return f"{told}{pace}, on {training['device']}, {training['threads']} thread a network, seed {manifest['seed']}"


def _partial(document: dict[str, Any]) -> RenderableType:
    state = "that is at work" if document["is_at_work"] else "that was interrupted"
    worker = f" ({document['worker']})" if document["worker"] else ""
    title = f"{document['folder']}: a training run {state}{worker}"
    networks = document["networks"]
    rows = {
        "model": f"{document['model']}: {train.tell_networks(networks)}" if networks else document["model"],
        "data": document["data"],
        "saved": document["saved"].replace("T", " "),
        "progress": "; ".join(map(_stage, document["progress"])) or "nothing learnt yet",
    }
    return Group(Text(title, style="bold"), _table(rows))


def _stage(each: dict[str, Any]) -> str:
    if each["stage"] == "fitted":
        return f"fit done in {each['steps']:,} steps"
    most = "" if each["most"] is None else f" of at most {each['most']:,}"
    return f"{each['stage']}: {each['steps']:,} steps{most}"


def _study(document: dict[str, Any]) -> RenderableType:
    state = "at work" if document["is_at_work"] else "not at its end"
    best = "no loss yet" if document["best"] is None else f"the best loss is {document['best']:.4f}"
    most = "" if document["most"] is None else f" of {document['most']}"
    return Group(
        Text(f"{document['folder']}: a search of settings, {state}", style="bold"),
        _table({"data": document["data"], "trials": f"{document['trials']}{most}, {best}"}),
    )


def _table(rows: dict[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, text)
    return table
