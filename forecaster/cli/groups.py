"""Groups of options that a command takes as one parameter."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin


def expand(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options: a parameter `Annotated[T, group]` becomes the parameters of the function
    `group`, and gets what that makes of them. Its docstring is its help, whose paragraphs lose their line breaks.
    """
    signature = inspect.signature(command)
    groups = {name: group for name, each in signature.parameters.items() if (group := _group_of(each))}
    own = [each for name, each in signature.parameters.items() if name not in groups]
    taken = {name: inspect.signature(group).parameters.values() for name, group in groups.items()}
    parameters = [
        each.replace(kind=each.KEYWORD_ONLY) for each in [*own, *(p for each in taken.values() for p in each)]
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{each.name: given.pop(each.name) for each in taken[name]})
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    run.__doc__ = "\n\n".join(" ".join(each.split()) for each in paragraphs)  # the terminal's width breaks them
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _group_of(parameter: inspect.Parameter) -> Callable[..., Any] | None:
    if get_origin(parameter.annotation) is not Annotated:
        return None
    described = get_args(parameter.annotation)[1]
    return described if inspect.isfunction(described) else None
