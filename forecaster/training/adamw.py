"""AdamW that leaves torch's compiler alone."""

import inspect
from typing import Any

import torch


class AdamW(torch.optim.AdamW):
    """torch's own in every number, but without what its methods are wrapped in for torch's compiler.

    That would import the compiler at the first step, which takes a second of the processor and serves nothing here.
    Where torch wraps other methods, or none, the import comes back and nothing else changes.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    state_dict = inspect.unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.AdamW.load_state_dict)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        return inspect.unwrap(torch.optim.AdamW.step)(self, closure)
