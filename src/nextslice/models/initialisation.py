"""A fresh network from a template or a function, the same one for the same seed."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn

from nextslice.errors import TrainingError
from nextslice.models.devices import isolated_generators, seed_generators

__all__ = ["Network", "fresh_network"]

Network = nn.Module | Callable[[], nn.Module]
"""A network used as a template, or a function that builds one."""


def fresh_network(network: Network, seed: int) -> nn.Module:
    """A new network on the CPU with weights that depend on nothing but `seed`.

    A template is copied, and each module in the copy draws its parameters anew with its own
    `reset_parameters`; the template and torch's global generator are left as they are. A
    function is called instead, with torch's global generator seeded.

    Raises:
        TrainingError: A module owns parameters but has no `reset_parameters`, or the function
            did not return a network.
    """
    cpu = torch.device("cpu")
    with isolated_generators(cpu):
        seed_generators(cpu, seed)
        if isinstance(network, nn.Module):
            fresh = copy.deepcopy(network).to(cpu)
            _reset(fresh)
            return fresh
        built: object = network()
        if not isinstance(built, nn.Module):
            raise TrainingError(
                "The function given as network must return a torch.nn.Module; it returned "
                f"{type(built).__name__}."
            )
        return built.to(cpu)


def _reset(network: nn.Module) -> None:
    for name, module in network.named_modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
        elif next(module.parameters(recurse=False), None) is not None:
            raise TrainingError(
                "Each training starts from fresh weights, but the module "
                f"{name or '(the network itself)'!r} ({type(module).__name__}) owns parameters "
                "and has no reset_parameters method to draw them anew.",
                remedy="Pass a function that builds the network instead of the network: "
                "Trainer(lambda: MyNetwork(...)). It is called anew for each training.",
            )
