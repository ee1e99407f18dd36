"""A reconstructor as an `nn.Module`: its parameters are those of the stages, it tells of moves, it never trains."""

import torch
from torch import nn

from hdrrecon.pipeline.module import ReconstructorModule


def made():
    moved, inner = [], nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5)).eval()
    return ReconstructorModule(inner, lambda code: code * 2, moved.append), inner, moved


def test_parameters_are_those_of_the_stages_and_it_stands_in_a_row():
    module, inner, _ = made()
    assert [id(p) for p in module.parameters()] == [id(p) for p in inner.parameters()]
    code = torch.rand(1, 3, 4, 4)
    assert torch.equal(nn.Sequential(module, nn.Identity())(code), code * 2)


def test_training_what_it_stands_in_leaves_it_in_evaluation_mode():
    module, inner, _ = made()
    row = nn.Sequential(module, nn.Dropout(0.5)).train()
    assert row[1].training and not module.training and not any(part.training for part in inner)


def test_a_move_is_told_also_from_outside():
    module, _, moved = made()
    nn.Sequential(module).to("meta")
    assert [str(place) for place in moved] == ["meta"]


def test_without_parameters_there_is_nothing_to_tell():
    moved = []
    ReconstructorModule(nn.Identity(), lambda code: code, moved.append).to("meta")
    assert moved == []
