"""Why some samplers of other libraries sample another density, in two lines each.

The tests repeat every derivation in numbers, without the library.
"""

from __future__ import annotations

from bdlbench.peers.peer import Fault

NOISE_FACTOR = Fault(
    "library",
    "T = N·10⁻⁴",
    (
        "The default noise_factor f = 0.01 multiplies the standard deviation of the noise: "
        "θ ← θ − lr·∇U/N + N(0, 2·lr·f²), on the mean loss U/N.",
        "With lr = N·ε/2 the drift is (ε/2)·∇U and the variance of the noise N·f²·ε = T·ε: "
        "T = N·10⁻⁴ at every step size (and 10⁻⁴ on the sum U).",
    ),
)
RESAMPLED = Fault(
    "library",
    "T = L/(L − 1) for L gradients between two momenta, 1.11 for the default of 10",
    (
        "A momentum p ~ N(0, I) is drawn every L steps θ ← θ + h·p, p ← p − h·∇U(θ before the "
        "move). To leading order θ moves by h·L·p − h²·(0 + 1 + … + (L − 1))·∇U.",
        "That is Langevin dynamics with ε/2 = h²·L(L − 1)/2, but with noise of variance "
        "h²·L² = ε·L/(L − 1): T = L/(L − 1), however small h is.",
    ),
)
BOTH_HALVES = Fault(
    "library",
    "that of its start, as θ never moves",
    (
        "build_baoab_kernel unpacks the two halves of a step as `init, (update1, update1), get = "
        "baoab(…)`: both names are one, which keeps the last half only.",
        "That half is the kick v ← v + (dt/2)·∇log p, twice in a step; the half that moves θ is "
        "never called, so that θ never changes.",
    ),
)
