"""Presets are data; settings are strict; nothing is left to default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml

from nextslice.config import PRESETS, Config, resolve_config
from nextslice.errors import SettingsError
from nextslice.selection import (
    SELECTIONS,
    Context,
    PowerNoise,
    Random,
    Selection,
    SoftmaxNoise,
    StochasticBatches,
    TopK,
    VolumeCap,
)
from nextslice.selection.base import Requirement
from nextslice.selection.rules import Rule
from nextslice.settings import plain, validated
from nextslice.strategies import (
    UNCERTAINTIES,
    build_selection,
    build_uncertainty,
    resolve_selection,
)
from nextslice.types import Rows, Scores

CHANGES: dict[str, object] = {
    "data": {"folder": "scans"},
    "split": {},
    "uncertainty": "entropy",
    "selection": "stochastic-batches",
    "seed": 0,
}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        inner = _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {}
        flat |= inner or {f"{prefix}{name}": value}
    return flat


def _preset(name: str) -> dict[str, Any]:
    text = files("nextslice").joinpath("presets", f"{name}.yaml").read_text()
    return _flat(yaml.safe_load(text))


def test_the_released_code_differs_from_the_paper_in_these_settings_and_no_others() -> None:
    """The list of docs/presets.md, setting by setting."""
    paper, code = _preset("paper"), _preset("released-code")
    assert paper.keys() == code.keys()
    assert {name for name in paper if paper[name] != code[name]} == {
        "training.loss",
        "training.binary_output",
        "training.warmup_factor",
        "training.final_learning_rate",
        "training.augmentation.noise_std",
        "training.augmentation.noise_probability",
        "uncertainties.dropout.divergence",
        "uncertainties.tta.divergence",
        "uncertainties.tta.include_clean",
        "uncertainties.tta.rotate_back",
        "uncertainties.tta.outside",
        "uncertainties.tta.augmentation.noise_std",
        "uncertainties.tta.augmentation.whole_degrees",
        "uncertainties.tta.augmentation.interpolation",
        "uncertainties.learning-loss.loss_prediction.margin",
        "uncertainties.learning-loss.loss_prediction.two_optimisers",
        "evaluation.hd95_in_voxels",
        "cycles",
    }


def test_the_quick_preset_is_the_paper_s_made_small() -> None:
    paper, quick = _preset("paper"), _preset("quick")
    assert {name for name in paper if paper[name] != quick[name]} == {
        "network.channels",
        "training.steps",
        "training.learning_rate",
        "threads",
    }
    settings = resolve_config("quick", CHANGES).training
    assert settings.peak_learning_rate == pytest.approx(1e-3)
    assert settings.steps == 1_500


def test_the_defaults_in_code_are_the_paper_s() -> None:
    """Whoever uses the classes without a preset follows the paper."""
    config = resolve_config("paper", CHANGES)
    assert config.training == type(config.training)()
    for name in UNCERTAINTIES:
        preset = resolve_config("paper", CHANGES | {"uncertainty": name}).uncertainty
        assert preset is not None
        assert preset.parameters == plain(build_uncertainty(name, {}))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("uncertainty", [None, *UNCERTAINTIES])
def test_a_resolved_config_survives_yaml_and_builds_its_strategies(
    preset: str, uncertainty: str | None
) -> None:
    config = resolve_config(preset, CHANGES | {"uncertainty": uncertainty})
    again = validated(Config, yaml.safe_load(yaml.safe_dump(plain(config))))
    assert again == config
    build_selection(again.selection.name, again.selection.parameters)
    if again.uncertainty is not None:
        build_uncertainty(again.uncertainty.name, again.uncertainty.parameters)


def test_assignments_reach_every_setting_and_come_last() -> None:
    config = resolve_config(
        "paper",
        CHANGES | {"uncertainty": "tta"},
        [
            "training.steps=300",
            "training.augmentation.noise_std=0.05",
            "uncertainty.samples=4",
            "uncertainty.augmentation.rotation_degrees=5",
            "selection.pool_size=100",
            "data.size=[64, 32]",
            "cycles=2",
        ],
    )
    assert config.training.steps == 300
    assert config.training.augmentation.noise_std == 0.05
    assert config.uncertainty is not None
    assert config.uncertainty.parameters["samples"] == 4
    assert config.uncertainty.parameters["augmentation"]["rotation_degrees"] == 5
    assert config.uncertainty.parameters["augmentation"]["noise_std"] == 0.1
    assert config.selection.parameters["pool_size"] == 100
    assert config.data.size == (64, 32)
    assert config.cycles == 2


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("training.stepz=3", "Unknown setting training.stepz"),
        ("training.augmentation.noise=3", "Did you mean noise_std?"),
        ("traning.steps=3", "Did you mean training?"),
        ("network.channels=[8]", "network.channels"),
        (
            "network.channels=[100000, 200000, 400000]",
            "network.channels: A U-Net has 500,000,000",
        ),
        ("network.dropout=1.0", "network.dropout"),
        ("data.axis=3", "data.axis"),
        ("data.size=[50]", "data.size"),
        ("seed=-1", "seed"),
        ("seed=true", "seed: Expected a whole number, got True"),
        ("seed=1.0", "seed: Expected a whole number, got 1.0"),
        ("seed='1'", "seed: Expected a whole number, got '1'"),
        ("cycles=false", "cycles: Expected a whole number, got False"),
        ("training.steps=true", "training.steps: Expected a whole number, got True"),
        ("network.dropout=false", "network.dropout: Expected a number, got False"),
        ("network.channels=[8, true]", "network.channels.1: Expected a whole number, got True"),
        ("data.skip_refused=1", "data.skip_refused: Expected true or false, got 1"),
        ("evaluation.hd95_in_voxels='yes'", "Expected true or false, got 'yes'"),
        ("uncertainty.patience=true", "Unknown setting"),
        ("selection.pool_size=true", "selection.pool_size: Expected a whole number"),
        ("budget=99999999999999999999", "budget: Expected a number of 1000000000 or less"),
        ("network.channels=[4]", "network.channels: Expected 2 values or more, got [4]"),
        ("budget=0", "budget"),
        ("uncertainty.samples=3", "Unknown setting uncertainty.samples"),
        ("selection.aggregation=median", "selection.aggregation"),
        ("selection.name=volume-cap", "--set selection.selection=stochastic-batches"),
        ("selection={name: volume-cap, selection: null}", "got none"),
        ("no equals sign", "path.to.setting=value"),
        ("training..steps=3", "path.to.setting=value"),
        ("training.steps=[", "YAML"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(assignment: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_config("paper", CHANGES, [assignment])
    assert expected in str(caught.value)


def test_where_scores_are_needed_and_no_uncertainty_is_chosen_it_is_entropy() -> None:
    without: dict[str, object] = CHANGES | {"uncertainty": None}
    config = resolve_config("paper", without)
    assert config.uncertainty is not None
    assert config.uncertainty.name == "entropy"
    assert resolve_config("paper", without | {"selection": "random"}).uncertainty is None
    with pytest.raises(SettingsError, match=r"uncertainty\.samples; there are none here"):
        resolve_config("paper", without, ["uncertainty.samples=3"])
    chosen = resolve_config("paper", without, ["uncertainty.name=tta", "uncertainty.samples=3"])
    assert chosen.uncertainty is not None
    assert chosen.uncertainty.parameters["samples"] == 3


def test_several_complaints_come_together() -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_config("paper", CHANGES, ["seed=-1", "budget=0"])
    assert "seed" in str(caught.value)
    assert "budget" in str(caught.value)


def test_a_strategy_that_is_not_one_is_refused() -> None:
    for name, expected in [
        ("pathlib:Path", "frozen dataclass"),
        ("nextslice.selection:TopK", "score(model, images"),
        ("no.such.module:Thing", "can be imported"),
        ("json:nothing", "can be imported"),
        ("json:dumps", "to be a class"),
    ]:
        with pytest.raises(SettingsError) as caught:
            build_uncertainty(name, {})
        assert expected in str(caught.value), name


# Each shipped selection as somebody would type it, a wrapper around each other one among them.
TYPED: list[object] = [
    *(name for name, kind in SELECTIONS.items() if not issubclass(kind, Rule)),
    {"name": "power", "match": "stochastic-batches"},
    {"name": "foreground-random", "fraction": 0.66},
    {"name": "volume-cap", "selection": "random"},
    {
        "name": "minimum-distance",
        "slices": 5,
        "selection": {
            "name": "volume-cap",
            "selection": {"name": "stochastic-batches", "pool_size": 100},
        },
    },
]


@pytest.mark.parametrize("selection", TYPED, ids=str)
def test_what_is_resolved_resolves_to_itself(selection: object) -> None:
    """resolve -> YAML -> resolve is the identity, and the strategy is the same one."""
    config = resolve_config("quick", CHANGES | {"uncertainty": None, "selection": selection})
    kept = yaml.safe_load(yaml.safe_dump(plain(config)))
    assert resolve_config("quick", kept) == config
    assert plain(resolve_config("quick", kept)) == kept
    built = build_selection(config.selection.name, config.selection.parameters)
    assert built == resolve_selection(selection).built


def test_a_selection_inside_a_selection_is_kept_with_its_name_and_all_defaults() -> None:
    typed = {"name": "volume-cap", "selection": {"name": "softmax", "beta": 3}}
    config = resolve_config("paper", CHANGES | {"selection": typed})
    assert config.selection.parameters == {
        "per_volume": 1,
        "selection": {
            "name": "softmax",
            "parameters": {"budget": None, "beta": 3.0, "match": None},
        },
    }
    built = build_selection(config.selection.name, config.selection.parameters)
    assert built == VolumeCap(SoftmaxNoise(beta=3.0))


def test_assignments_reach_a_selection_inside_a_selection() -> None:
    capped: dict[str, object] = CHANGES | {"uncertainty": None, "selection": "volume-cap"}
    for assignments, expected in [
        (["selection.selection=top-k"], VolumeCap(TopK())),
        (
            ["selection.per_volume=2", "selection.selection.name=power"],
            VolumeCap(PowerNoise(), per_volume=2),
        ),
        (
            ["selection.selection=stochastic-batches", "selection.selection.pool_size=9"],
            VolumeCap(StochasticBatches(pool_size=9)),
        ),
        (
            ["selection.selection=volume-cap", "selection.selection.selection=random"],
            VolumeCap(VolumeCap(Random())),
        ),
    ]:
        chosen = resolve_config("paper", capped, assignments).selection
        assert build_selection(chosen.name, chosen.parameters) == expected
    asked = resolve_config("paper", capped, ["selection.selection=random"]).uncertainty
    assert asked is None  # what is inside decides whether scores are needed


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("stochastic-batch", "Expected selection.selection to be one of"),
        ("stochastic-batch", "Did you mean stochastic-batches?"),
        ({"name": "top-k", "pool_size": 3}, "Unknown setting selection.selection.pool_size"),
        ({"name": "power", "bet": 3}, "Did you mean beta?"),
        ({"name": "power", "beta": -1}, "selection.selection: Expected beta to be a finite"),
        ({"name": "volume-cap"}, "--set selection.selection.selection=stochastic-batches"),
        ({"name": "volume-cap", "selection": "rando"}, "selection.selection.selection to be"),
        (
            "pathlib:Path",
            "Expected selection.selection 'pathlib:Path' to be a frozen dataclass",
        ),
        (None, "--set selection.selection=stochastic-batches"),
        ({}, "Expected selection.selection to be one of"),
    ],
)
def test_what_is_wrong_inside_a_selection_is_named_by_its_path(
    inside: object, expected: str
) -> None:
    selection = {"name": "volume-cap"} | ({} if inside is None else {"selection": inside})
    with pytest.raises(SettingsError) as caught:
        resolve_config("paper", CHANGES | {"selection": selection})
    assert expected in str(caught.value)


@dataclass(frozen=True)
class EveryOther:
    """A selection of one's own around any other, with one that it brings along."""

    selection: Selection = field(default_factory=lambda: VolumeCap(TopK()))
    fallback: Selection | None = None
    requires: ClassVar[frozenset[Requirement]] = frozenset({"scores"})

    def select(
        self,
        scores: Scores,
        *,
        rng: np.random.Generator,
        budget: int | None = None,
        context: Context | None = None,
    ) -> Rows:
        return self.selection.select(scores, rng=rng, budget=budget, context=context)


def test_a_plug_in_wraps_and_is_wrapped() -> None:
    mine = f"{__name__}:EveryOther"
    brought = resolve_config("paper", CHANGES | {"selection": mine})
    assert brought.selection.parameters == {
        "selection": {
            "name": "volume-cap",
            "parameters": {
                "per_volume": 1,
                "selection": {"name": "top-k", "parameters": {"budget": None}},
            },
        },
        "fallback": None,
    }
    chosen = {"name": mine, "fallback": {"name": "volume-cap", "selection": mine}}
    config = resolve_config("paper", CHANGES | {"selection": chosen})
    built = build_selection(config.selection.name, config.selection.parameters)
    assert built == EveryOther(fallback=VolumeCap(EveryOther()))
    assert resolve_config("paper", plain(config)) == config


def test_a_setting_that_is_not_set_is_no_change_for_runs_that_are_older_than_it() -> None:
    kept = plain(resolve_config("quick", CHANGES))["data"]
    assert isinstance(kept, dict)
    assert "accept_sheared" not in kept
    asked = resolve_config("quick", CHANGES, ["data.accept_sheared=true"])
    assert asked.data.accept_sheared
    assert plain(asked)["data"] == kept | {"accept_sheared": True}
    assert resolve_config("quick", plain(asked)).data == asked.data


def test_a_value_of_a_list_that_is_wrong_is_the_only_complaint() -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_config("paper", CHANGES, ["network.channels=[4, x]"])
    assert "network.channels.1: Expected a whole number, got 'x'." in str(caught.value)
    assert "Several" not in str(caught.value)


@pytest.mark.parametrize("rate", ["1e-3", "0.001", "1.0e-3"])
def test_numbers_are_numbers_as_people_write_them(rate: str) -> None:
    """YAML itself takes the first for text."""
    config = resolve_config("paper", CHANGES, [f"training.learning_rate={rate}"])
    assert config.training.learning_rate == 0.001
