"""AdamW that does not import torch's compiler."""

import inspect
from typing import Any

import torch


class AdamW(torch.optim.AdamW):
    """torch's AdamW with the same numbers, but without the wrappers that torch's compiler puts around its methods.

    They would import the compiler at the first step, which takes a second and is of no use here. If a version of torch
    wraps other methods, the compiler is imported again and nothing else changes.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    state_dict = inspect.unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.AdamW.load_state_dict)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        return inspect.unwrap(torch.optim.AdamW.step)(self, closure)
