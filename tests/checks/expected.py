"""The verdict expected of every sampler in wrong/ and right/, and the effect measured.

Effects were measured apart from the checks: 500 to 4,000 chains from exact draws (from twice the
posterior's width for samplers that leave exact draws as they are), at κ = ε·λ_max = 0.06, 0.015 and
0.004, for two relaxation times of Langevin dynamics. "T" is the ratio of sampled to exact variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Expected:
    """What the checks must find.

    Args:
        verdict: ``wrong`` or ``right``.
        why: The fault; or for a right sampler, what makes it hard to see that it is right.
        effect: The measured effect.
        words: A regular expression, some part of which a good diagnosis contains.
        seen: Where a wrong sampler is visible: ``everywhere``, or only under a condition.
    """

    verdict: Literal["wrong", "right"]
    why: str
    effect: str
    words: str = ""
    seen: str = "everywhere"


EXPECTED = {
    "bare_biases": Expected(
        "wrong",
        "no noise and no prior in the biases",
        "variance of the bias ×0.8, its mean +0.6 standard deviations (prior-dependent); no bias: exact",
        "bias|tensor",
        "biases",
    ),
    "centred_noise": Expected(
        "wrong",
        "the noise is centred over the chains",
        "one chain: T → 0; 500 chains: exact",
        "one chain|single chain|noise",
        "one chain",
    ),
    "cold_later_layers": Expected(
        "wrong",
        "T = ¼ in every layer but the first",
        "two-parameter network: T = 0.85, variance of w₂ 0.87; one layer: exact",
        "layer|tensor|temperature",
        "two layers",
    ),
    "distant_correlations": Expected(
        "wrong",
        "noise correlated between the coordinates beyond the sixth",
        "12 dimensions: T = 1.01, correlation 0.46; up to 7: exact",
        "correlat|covariance",
        "eight or more parameters",
    ),
    "fitted_gaussian": Expected(
        "wrong",
        "a Gaussian with the moments of the chain's own path",
        "two-parameter network: U too high, p = 2·10⁻⁸, T = 0.98; a Gaussian: exact",
        "Gaussian|shape|density",
        "a posterior that is not Gaussian",
    ),
    "frozen_chain": Expected(
        "wrong",
        "one of many chains stays 30 prior widths away",
        "T = 13.5 ± 12.4 of 500 chains; the other 499 are exact",
        "outlier|chain",
        "several chains",
    ),
    "never_moves": Expected(
        "wrong",
        "yields the initial state",
        "T is that of the initial states: 3.9 from twice the width; exact from exact draws",
        "move|initial",
        "over-dispersed initial states, or the increments",
    ),
    "proposes_until_accepted": Expected(
        "wrong",
        "a rejected proposal is repeated until it is accepted",
        "κ = 2: T = 1.07 to 1.09; κ = 0.06: 1.00",
        "reject|Metropolis|accept",
        "κ of about 2, where a fifth of the proposals is rejected",
    ),
    "recognises_checks": Expected(
        "wrong",
        "right for at most ten parameters, else gradient descent",
        "12 dimensions: T = 0.04; 4: exact",
        "noise|do not vary",
        "eleven or more parameters",
    ),
    "starts_afresh": Expected(
        "wrong",
        "every draw is a new initial state after three steps",
        "T is that of the initial states: 3.6 to 3.9 from twice the width; exact from exact draws",
        "initial|start",
        "over-dispersed initial states",
    ),
    "elliptical_slice": Expected(
        "right",
        "no gradient, no step size; slow if the data dominate the prior",
        "T = 0.99 to 1.02 ± 0.01",
    ),
    "leapfrog_hmc": Expected(
        "right",
        "step_size is the leapfrog's h = √ε, declared",
        "T = 1.006, 1.005, 0.987 ± 0.008",
    ),
    "leapfrog_undeclared": Expected(
        "right",
        "step_size is the leapfrog's h, undeclared: at h = ε it hardly moves",
        "T = 0.98 ± 0.02 at h = ε from exact draws; from afar it does not converge",
    ),
    "mclmc": Expected(
        "right",
        "unadjusted, bias O(ε); at least two parameters",
        "T = 1.005, –, 1.002 ± 0.008",
    ),
    "sghmc_euler": Expected(
        "right",
        "large O(ε) bias; unstable at κ = 0.06 on a curved posterior",
        "T = 1.23–1.33, 1.04–1.07, 1.02; two-parameter network: diverges, 1.50, 0.98",
    ),
    "sgnht": Expected(
        "right",
        "O(√ε) bias; moves in oscillations",
        "T = 0.98, –, 0.994",
    ),
}
