"""Groups of options that a command declares as one parameter."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin

from forecaster import runtime
from forecaster.cli.places import refuse_addresses


def expand(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each parameter `Annotated[T, group]` of a command by the parameters of the function `group`.

    The command then receives what `group` returns for them. Its docstring becomes its help; line breaks within a
    paragraph are removed, since the terminal's width decides where lines break.
    """
    signature = inspect.signature(command)
    groups = {name: group for name, each in signature.parameters.items() if (group := _group_of(each))}
    ungrouped = [each for name, each in signature.parameters.items() if name not in groups]
    grouped = {name: inspect.signature(group).parameters.values() for name, group in groups.items()}
    parameters = [
        each.replace(kind=each.KEYWORD_ONLY)
        for each in [*ungrouped, *(parameter for group in grouped.values() for parameter in group)]
    ]

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        runtime.check_resources()
        refuse_addresses(arguments.values())
        for name, group in groups.items():
            arguments[name] = group(**{each.name: arguments.pop(each.name) for each in grouped[name]})
        command(**arguments)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    run.__doc__ = "\n\n".join(" ".join(each.split()) for each in paragraphs)
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _group_of(parameter: inspect.Parameter) -> Callable[..., Any] | None:
    if get_origin(parameter.annotation) is not Annotated:
        return None
    metadata = get_args(parameter.annotation)[1]
    return metadata if inspect.isfunction(metadata) else None
