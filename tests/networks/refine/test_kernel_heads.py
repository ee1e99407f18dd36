"""From features to kernels, applied: untrained heads change nothing; the widest level fills holes."""

import torch

from hdrrecon.networks.refine.kernel_heads import CoupledHeads, DecoupledHeads, sharp_first


def test_levels_take_over_from_the_sharp_one():
    """Weights sum to one; with no logits the sharp level has them all."""
    weights = sharp_first(torch.randn(2, 3, 4, 4))
    torch.testing.assert_close(weights.sum(1), torch.ones(2, 4, 4))
    assert torch.equal(sharp_first(torch.zeros(1, 3, 1, 1)).flatten(), torch.tensor([1.0, 0.0, 0.0]))


def test_the_widest_level_brings_the_colour_of_the_surroundings_into_a_hole():
    heads = DecoupledHeads(4, 8, 5, 3)
    image, measured = torch.tensor([4.0, 2.0, 1.0]).view(1, 3, 1, 1).repeat(1, 1, 48, 48), torch.ones(1, 1, 48, 48)
    image[..., 20:30, 20:30], measured[..., 20:30, 20:30] = 0, 0

    def filtered():
        return heads(torch.zeros(1, 4, 48, 48), torch.zeros(1, 8), image, measured)

    assert torch.equal(filtered(), image)
    heads.level.bias.data = torch.tensor([-1.0, 0.0, 1.0])  # from the sharp level to the widest
    torch.testing.assert_close(filtered()[0, :, 25, 25], torch.tensor([4.0, 2.0, 1.0]), atol=0.02, rtol=0)


def test_untrained_heads_of_both_kinds_give_the_image_to_the_bit():
    torch.manual_seed(0)
    deep, summary, image = torch.randn(1, 4, 20, 24), torch.randn(1, 8), torch.rand(1, 3, 20, 24)
    measured = torch.rand(1, 1, 20, 24)
    for heads in (DecoupledHeads(4, 8, 3, 2), DecoupledHeads(4, 8, 3, 2, per_image=True), CoupledHeads(4, 3)):
        assert torch.equal(heads(deep, summary, image, measured), image)
