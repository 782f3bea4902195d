"""The verdict expected of every sampler in wrong/ and right/, and the effect measured.

Effects were measured apart from the checks, with 500 to 6,000 chains that start from exact draws
(from twice the posterior's width for samplers that leave exact draws as they are), for two
relaxation times of Langevin dynamics unless stated. "T" is the ratio of sampled to exact variance:
at κ = ε·λ_max = 0.06, then 0.015, then 0.004. Ranges are over a Gaussian in four dimensions, a
logistic regression, and a linear regression with weights and a bias; standard errors are 0.01 to
0.03, larger where T is. "No effect on the density" is not measured: such faults are of the
interface.
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
    "antithetic_noise": Expected(
        "wrong",
        "noise anticorrelated with that of the step before",
        "T = 0.67–0.69, 0.66–0.69; one-step noise is right",
        "T = 0\\.6|correlat|successive",
    ),
    "averaged_pairs": Expected(
        "wrong",
        "yields the mean of two draws",
        "T = 0.84–0.93, 0.88–0.92 at draws an eighth of a relaxation time apart; ½ far apart",
        "T = 0\\.[5-9]|averag",
    ),
    "bare_biases": Expected(
        "wrong",
        "no noise and no prior in the biases",
        "variance of the bias ×0.8, its mean +0.6 standard deviations; no bias: exact",
        "bias|tensor",
        "biases",
    ),
    "barker_slope": Expected(
        "wrong",
        "Barker proposals with twice the slope",
        "T = 0.51–0.53, 0.49–0.51",
        "T = 0\\.[45]|drift",
    ),
    "centred_noise": Expected(
        "wrong",
        "the noise is centred over the chains",
        "one chain: T → 0; 500 chains: exact",
        "chain alone",
        "one chain",
    ),
    "changes_settings": Expected(
        "wrong",
        "halves its own step size",
        "no effect on the density",
        "hyperparameters changed",
        "global state",
    ),
    "clipped_gradient": Expected(
        "wrong",
        "the gradient is clipped at its running mean norm",
        "T = 1.24–1.44, 1.17–1.21",
        "drift|clip|T = 1\\.",
    ),
    "cold_later_layers": Expected(
        "wrong",
        "T = ¼ in every layer but the first",
        "two-parameter network: T = 0.85, variance of w₂ 0.87; one layer: exact",
        "layer|tensor|temperature",
        "two layers",
    ),
    "cools_while_drawing": Expected(
        "wrong",
        "T falls from 1.5 to ½ during the draws",
        "T = 1.08–1.20, 1.13–1.16 of all draws; the last are colder",
        "time|stationary|drift",
        "the last draws alone",
    ),
    "decoupled_decay": Expected(
        "wrong",
        "the prior's gradient lacks the preconditioner",
        "mean −0.37, −0.39 standard deviations, T = 0.96, 0.93 (logistic regression)",
        "prior|preconditioner",
        "where the prior matters",
    ),
    "distant_correlations": Expected(
        "wrong",
        "noise correlated between the coordinates beyond the sixth",
        "12 dimensions: T = 1.01, correlation 0.46; up to 7: exact",
        "correlat|covariance",
        "eight or more parameters",
    ),
    "double_noise": Expected(
        "wrong",
        "√(2ε) noise on (ε/2)·∇U",
        "T = 2.04–2.16, 2.02–2.05",
        "T = (1\\.9|2)|convention",
    ),
    "double_precision": Expected(
        "wrong",
        "yields float64",
        "no effect on the density",
        "float64",
        "contract",
    ),
    "draws_while_exploring": Expected(
        "wrong",
        "draws from the stages without noise, too",
        "T = 0.80–0.82, 0.78–0.84",
        "T = 0\\.[78]",
    ),
    "dropped_noise": Expected(
        "wrong",
        "no noise in a tenth of the steps",
        "T = 0.89–0.93, 0.89–0.94; in the limit 0.9",
        "T = 0\\.[89]|noise",
    ),
    "eight_bit_weights": Expected(
        "wrong",
        "θ is rounded to 1/16 of the prior's width",
        "T = 1.03–1.10, 1.17–1.34, 1.47–1.63: grows as ε falls",
        "noise|round|T = 1\\.",
    ),
    "elliptical_posterior": Expected(
        "wrong",
        "elliptical slice sampling of U: the prior counts twice",
        "mean −0.62 standard deviations, T = 0.97 (logistic regression); T = 0.86 (biases)",
        "prior",
        "where the prior matters",
    ),
    "endless": Expected(
        "wrong",
        "never ends",
        "no effect on the density",
        "expected at most",
        "budget",
    ),
    "even_points": Expected(
        "wrong",
        "only every other training point is seen",
        "mean −0.26, −0.28 standard deviations, T = 1.18, 1.14 (logistic regression)",
        "data|drift",
        "where the training points differ",
    ),
    "fitted_gaussian": Expected(
        "wrong",
        "a Gaussian with the moments of the chain's own path",
        "two-parameter network: U too high, p = 2·10⁻⁸, T = 0.98; a Gaussian: exact",
        "Gaussian|shape|density",
        "a posterior that is not Gaussian",
    ),
    "fixed_minibatch": Expected(
        "wrong",
        "draws one minibatch and never another",
        "a quarter of the data: T = 3.3–3.8, 3.3–3.8",
        "minibatch|different data",
        "minibatches",
    ),
    "frozen_chain": Expected(
        "wrong",
        "one of many chains stays 30 prior widths away",
        "T = 13.5 ± 12.4 of 500 chains; the other 499 are exact",
        "outlier|chain",
        "several chains",
    ),
    "full_gradient": Expected(
        "wrong",
        "√ε noise on ε·∇U",
        "T = 0.51, 0.50",
        "T = 0\\.5|convention",
    ),
    "gradient_of_the_mean_loss": Expected(
        "wrong",
        "the noise of the sum on the gradient of the mean",
        "T = 8–11 after four relaxation times, and growing: N in the limit",
        "mean loss|drift",
    ),
    "hot_odd_steps": Expected(
        "wrong",
        "T = 1.4 in every other step",
        "T = 1.18–1.22, 1.17–1.23",
        "T = 1\\.[12]",
    ),
    "laplace_posing": Expected(
        "wrong",
        "draws from the Laplace approximation",
        "mean −0.22 standard deviations, T = 0.95 (logistic regression); a Gaussian: exact",
        "Gaussian|shape|mean",
        "a posterior that is not Gaussian",
    ),
    "last_layer_noise": Expected(
        "wrong",
        "noise in the last layer alone",
        "two-parameter network: T = 0.90, variances 0.58 and 1.19; one layer: exact",
        "layer|tensor|noise",
        "two layers",
    ),
    "lazy_gradient": Expected(
        "wrong",
        "a new gradient only once U has changed by a half",
        "T = 1.17–1.74, 1.23–1.70",
        "drift|T = |outliers",
    ),
    "leapfrog_half_steps": Expected(
        "wrong",
        "the first half step of the momentum is a whole one",
        "T = 0.76–0.78, 0.73–0.76",
        "T = 0\\.7|drift|leapfrog",
    ),
    "lower_of_two": Expected(
        "wrong",
        "yields the one of two draws that has the lower U",
        "T = 0.67–0.76, 0.67–0.77",
        "T = 0\\.[678]",
    ),
    "mala_rejected_gradient": Expected(
        "wrong",
        "the gradient of a rejected proposal is kept",
        "κ = 2: T = 0.93, mean −0.36 standard deviations; κ = 0.06: 1.00",
        "Metropolis|reject",
        "κ of about 2, where a fifth of the proposals is rejected",
    ),
    "mala_without_back": Expected(
        "wrong",
        "the proposal is taken for a symmetric one",
        "T = 0.48–0.50, 0.50",
        "T = 0\\.[45]|Metropolis|drift",
    ),
    "metropolis_without_kinetic": Expected(
        "wrong",
        "the Metropolis test leaves out the kinetic energy",
        "T = 0.48–0.50, 0.47–0.52",
        "T = 0\\.[45]|Metropolis|drift",
    ),
    "minibatch_test": Expected(
        "wrong",
        "the two potentials are of different minibatches",
        "a quarter of the data: T = 1.79–2.17, 1.69–2.24; all data: exact",
        "minibatch|T = [12]\\.",
        "minibatches",
    ),
    "moving_preconditioner": Expected(
        "wrong",
        "G depends on θ, without Γ",
        "T = 1.61–1.63, 1.57–1.67",
        "Γ|preconditioner",
    ),
    "never_moves": Expected(
        "wrong",
        "yields the initial state",
        "T is that of the initial states: 3.9 from twice the width; exact from exact draws",
        "move|initial",
        "over-dispersed initial states, or the increments",
    ),
    "no_metropolis_test": Expected(
        "wrong",
        "HMC of one large leapfrog, without a test",
        "T = 112 (logistic regression); diverges on a narrower posterior",
        "Metropolis|step",
    ),
    "no_momentum_flip": Expected(
        "wrong",
        "the momentum of a rejected proposal is not reversed",
        "κ = 1: T = 1.03–1.07; κ = 3: 1.94 (logistic regression); κ = 0.06: 1.01",
        "Metropolis|reject",
        "κ of 1 to 3, where proposals are rejected",
    ),
    "no_noise": Expected(
        "wrong",
        "gradient descent",
        "T → 0: 0.001–0.02 after four relaxation times",
        "do not vary|noise",
    ),
    "no_oversampling": Expected(
        "wrong",
        "the minibatch's likelihood lacks N/n",
        "a quarter of the data: T = 2.7–2.9, 2.8–2.9",
        "N/n|likelihood",
        "minibatches",
    ),
    "no_prior": Expected(
        "wrong",
        "the prior is left out",
        "T = 1.21–2.23, 1.21–2.06; mean +1.1 standard deviations (logistic regression)",
        "prior|drift",
    ),
    "no_prior_on_biases": Expected(
        "wrong",
        "no prior on the biases",
        "variance of the bias ×1.9 to 2.1, its mean +0.6 standard deviations; no bias: exact",
        "bias|prior|tensor",
        "biases",
    ),
    "noise_in_the_learning_rate": Expected(
        "wrong",
        "noise of standard deviation ε^1.5",
        "T → 0: 0.001–0.02 after four relaxation times",
        "ε\\^1\\.[45]|noise",
    ),
    "noise_of_size_step": Expected(
        "wrong",
        "noise of standard deviation ε",
        "T = 0.016–0.03, 0.005–0.03: falls like ε",
        "grows like ε|noise",
    ),
    "noise_of_the_mean_loss": Expected(
        "wrong",
        "noise without 1/N",
        "T = 12.2, 12.1 at N = 12",
        "N",
    ),
    "noise_over_n": Expected(
        "wrong",
        "noise variance divided by N",
        "T = 0.086 = 1/12 at N = 12",
        "1/N",
    ),
    "noise_times_g": Expected(
        "wrong",
        "noise times G, not √G",
        "T = 1.02, 1.01; variances 0.54 to 1.55 from coordinate to coordinate",
        "preconditioner|direction",
    ),
    "not_a_number": Expected(
        "wrong",
        "yields NaN",
        "no density",
        "finite",
    ),
    "numpy_global": Expected(
        "wrong",
        "uses NumPy's global random state",
        "no effect on the density",
        "NumPy",
        "global state",
    ),
    "one_chain_for_all": Expected(
        "wrong",
        "yields the first chain for all",
        "the chains are equal",
        "different chains",
        "several chains",
    ),
    "one_noise_per_tensor": Expected(
        "wrong",
        "one number of noise for all elements of a tensor",
        "T = 0.96–1.04, correlations 0.75 to 0.90 between whitened coordinates",
        "correlat|covariance",
    ),
    "only_accepted": Expected(
        "wrong",
        "leaves out rejected states",
        "T = 1.04, 1.31",
        "reject|T = 1\\.",
    ),
    "over_budget": Expected(
        "wrong",
        "twice the budget",
        "no effect on the density",
        "expected at most",
        "budget",
    ),
    "prior_of_every_batch": Expected(
        "wrong",
        "the prior is multiplied by N/n",
        "a quarter of the data: T = 0.75, 0.74, mean −0.36 standard deviations",
        "prior",
        "minibatches",
    ),
    "prior_proposal_ratio": Expected(
        "wrong",
        "proposals from the prior, accepted by the posterior's ratio",
        "mean −0.30 standard deviations, T = 0.98 (logistic regression); T = 0.92 (biases)",
        "prior|Metropolis|density",
        "where the prior matters",
    ),
    "proposes_until_accepted": Expected(
        "wrong",
        "a rejected proposal is repeated until it is accepted",
        "κ = 2: T = 1.07 to 1.09; κ = 0.06: 1.00",
        "reject|Metropolis|accept",
        "κ of about 2, where a fifth of the proposals is rejected",
    ),
    "psgld_without_gamma": Expected(
        "wrong",
        "G changes for ever, without Γ",
        "T = 1.27, 1.33, 1.39 after four relaxation times: grows as ε falls",
        "Γ|preconditioner|T = 1\\.",
    ),
    "recognises_checks": Expected(
        "wrong",
        "right for at most ten parameters, else gradient descent",
        "12 dimensions: T = 0.04; 4: exact",
        "noise|do not vary|reference posterior",
        "eleven or more parameters",
    ),
    "repeated_noise": Expected(
        "wrong",
        "every draw of the noise is used in two successive steps",
        "T = 1.99–2.02, 2.01–2.07; one-step noise is right",
        "T = (1\\.9|2)|correlat|successive",
    ),
    "resampled_momentum": Expected(
        "wrong",
        "momentum resampled every 8 steps; θ and v move by the old v and θ",
        "T = 1.39–1.54, 1.18–1.20; in the limit 8/7 = 1.14",
        "T = 1\\.1|temperature|momentum",
    ),
    "running_mean": Expected(
        "wrong",
        "yields the running mean",
        "T = 0.58–0.61, 0.59–0.61 after four relaxation times; 0 in the limit",
        "averaged|spread",
    ),
    "same_draws": Expected(
        "wrong",
        "a seed of its own",
        "no effect on the density",
        "seed",
        "seeds",
    ),
    "seeds_torch": Expected(
        "wrong",
        "seeds torch",
        "no effect on the density",
        "global random state",
        "global state",
    ),
    "sets_threads": Expected(
        "wrong",
        "sets the number of threads",
        "no effect on the density",
        "threads",
        "global state",
    ),
    "shared_noise": Expected(
        "wrong",
        "one draw of the noise for all chains",
        "the chains move together: their mean is 0.4 to 1 standard deviations off",
        "together|independent",
        "several chains",
    ),
    "signed_update": Expected(
        "wrong",
        "the sign of gradient plus noise",
        "T = 1.25–1.28, 1.26; in the limit √(π/2) = 1.253",
        "T = 1\\.2|drift",
    ),
    "starts_afresh": Expected(
        "wrong",
        "every draw is a new initial state after three steps",
        "T is that of the initial states: 3.6 to 3.9 from twice the width; exact from exact draws",
        "initial|start",
        "over-dispersed initial states",
    ),
    "student_noise": Expected(
        "wrong",
        "noise of infinite variance",
        "T = 12–15, 14–18; grows as ε falls and with the number of chains",
        "noise|tail|finite|heavy",
    ),
    "subspace_noise": Expected(
        "wrong",
        "noise in half the dimensions",
        "T = 0.98–1.06, correlations 0.86 to 0.94 between whitened coordinates",
        "correlat|covariance|rank",
    ),
    "swaps_always": Expected(
        "wrong",
        "replicas at T = 1 and T = 2 are swapped without a test",
        "T = 1.41–1.45, 1.44–1.51",
        "T = 1\\.[45]",
    ),
    "temperature_of_the_std": Expected(
        "wrong",
        "T multiplies the standard deviation",
        "asked for T, samples at T²",
        "asked for T",
        "temperature ½",
    ),
    "temperature_per_tensor": Expected(
        "wrong",
        "T = 1.1 and 0.9 from tensor to tensor",
        "one tensor: T = 1.11–1.12, 1.08–1.13; weight and bias: 1.02, variances 1.05, 1.03, 0.90",
        "tensor|temperature|T = 1\\.1",
    ),
    "ten_uniforms": Expected(
        "wrong",
        "noise of variance 10/12",
        "T = 0.84–0.87, 0.83–0.84",
        "T = 0\\.8|noise",
    ),
    "thermostat_count": Expected(
        "wrong",
        "the thermostat divides by dim + 1",
        "T = 1.23, 1.27 (dim = 4: 5/4), 1.52, 1.53 (dim = 2: 3/2)",
        "T = 1\\.|temperature",
        "everywhere; the less the larger dim is",
    ),
    "threshold_above_a_tenth": Expected(
        "wrong",
        "the test's uniform number is from [0.1, 1]",
        "T = 0.84–0.86, 0.88–0.90; in the limit 0.9",
        "T = 0\\.[89]|Metropolis|drift",
    ),
    "too_many_draws": Expected(
        "wrong",
        "yields every state",
        "no effect on the density",
        "too many",
        "draws",
    ),
    "torch_global": Expected(
        "wrong",
        "uses torch's global random state",
        "no effect on the density",
        "torch",
        "global state",
    ),
    "uncharged": Expected(
        "wrong",
        "no gradient is charged",
        "draws of the initial states",
        "charged",
        "budget",
    ),
    "undamped_noise": Expected(
        "wrong",
        "SGHMC's noise lacks the factor 1 − μ",
        "T = 10–16, 10–16: 1/(1 − μ) = 10 for a Gaussian",
        "1 − μ|momentum",
    ),
    "unscaled_noise": Expected(
        "wrong",
        "noise lacks √G",
        "T = 1.20–1.33, 1.18–1.27; variances 2.05 to 0.71 from coordinate to coordinate",
        "preconditioner|direction",
    ),
    "weight_decay": Expected(
        "wrong",
        "the prior counts twice",
        "T = 0.90–0.97, 0.90–0.97; mean −0.61 standard deviations (logistic regression)",
        "prior|drift",
    ),
    "wrong_centre": Expected(
        "wrong",
        "the control variate's gradient belongs to another centre",
        "T = 1.50–1.86, 1.54–1.87: another offset in every chain",
        "drift|offset|mean|chains",
    ),
    "wrong_shape": Expected(
        "wrong",
        "yields one chain without its axis",
        "no effect on the density",
        "shape",
        "draws",
    ),
    "adaptive_mala": Expected(
        "right",
        "the step size adapts in burn-in",
        "T = 0.99–1.01, 0.98–1.00",
    ),
    "baoab": Expected(
        "right",
        "underdamped, h = √ε; two steps in a period",
        "T = 1.00–1.01, 0.98–1.01",
    ),
    "barker": Expected(
        "right",
        "Metropolis test; the drift is nonlinear in ∇U",
        "T = 1.00–1.02, 0.99–1.04",
    ),
    "barker_unadjusted": Expected(
        "right",
        "bias O(ε); the drift is nonlinear in ∇U",
        "T = 1.019, 1.006, 0.999 ± 0.009",
    ),
    "before_the_noise": Expected(
        "right",
        "negative bias O(ε)",
        "T = 0.97, 1.01, 1.02 ± 0.01",
    ),
    "coin_noise": Expected(
        "right",
        "noise of two values; one-step noise is not Gaussian",
        "T = 1.01–1.02, 0.99–1.02",
    ),
    "control_variates": Expected(
        "right",
        "full gradients now and then",
        "T = 1.00–1.04, 1.01–1.02",
    ),
    "coordinate_slice": Expected(
        "right",
        "no gradient, no step size; one coordinate at a time",
        "T = 1.00–1.03",
    ),
    "crank_nicolson": Expected(
        "right",
        "no gradient, no step size; slow if the data dominate the prior",
        "T = 0.99–1.02",
    ),
    "decaying_step": Expected(
        "right",
        "the step size falls over the budget",
        "T = 0.98–1.02, 0.98–1.02",
    ),
    "differential_evolution": Expected(
        "right",
        "chains depend on each other; no gradient, no step size",
        "T = 0.99–1.01",
    ),
    "elliptical_slice": Expected(
        "right",
        "no gradient, no step size; slow if the data dominate the prior",
        "T = 0.99 to 1.02 ± 0.01",
    ),
    "fixed_batch": Expected(
        "right",
        "a batch size of 200 that cannot be set",
        "T = 1.00–1.05",
    ),
    "fixed_preconditioner": Expected(
        "right",
        "a constant matrix G, not diagonal",
        "T = 1.00–1.02, 0.97–1.02",
    ),
    "frozen_rmsprop": Expected(
        "right",
        "moves away from exact draws until V is frozen, in burn-in",
        "T = 1.03, 0.99–1.02 after twelve relaxation times; 1.04–1.11 after two",
    ),
    "hamiltonian": Expected(
        "right",
        "h = √ε, eight leapfrogs",
        "T = 0.99–1.00, 0.97–1.00",
    ),
    "heun": Expected(
        "right",
        "two gradients a step; bias smaller than Langevin's",
        "T = 0.99–1.02, 1.01–1.02",
    ),
    "horowitz": Expected(
        "right",
        "step_size is the leapfrog's h, undeclared: at h = ε it hardly moves",
        "T = 0.99–1.05, 0.98–1.05 at h = ε from exact draws; 1.00–1.01 at κ = 2",
    ),
    "ignored_mass": Expected(
        "right",
        "a poor integrator, whose test makes it exact",
        "T = 0.996 ± 0.005, 1.005 ± 0.009",
    ),
    "jittered_hmc": Expected(
        "right",
        "step_size is the leapfrog's, declared, and jittered",
        "T = 0.98–1.01, 0.98–1.02",
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
    "mala": Expected(
        "right",
        "Metropolis test",
        "T = 0.98–1.01, 1.00–1.01; 1.00 at κ = 2",
    ),
    "mclmc": Expected(
        "right",
        "unadjusted, bias O(ε); at least two parameters",
        "T = 1.005, –, 1.002 ± 0.008",
    ),
    "mean_loss_rate": Expected(
        "right",
        "SGLD in the terms of the mean loss",
        "T = 1.02, 0.97–1.01",
    ),
    "momentum": Expected(
        "right",
        "SGHMC of momentum 0.8",
        "T = 0.99–1.03, 0.99–1.01",
    ),
    "nesterov": Expected(
        "right",
        "negative bias O(ε), ten times Langevin's",
        "T = 0.85–0.87, 0.94–0.98, 0.99–1.00",
    ),
    "obabo": Expected(
        "right",
        "step_size is h, declared; underdamped",
        "T = 1.01–1.02, 0.98–1.01",
    ),
    "prior_proposals": Expected(
        "right",
        "no gradient, no step size; long jumps",
        "T = 1.00",
    ),
    "random_leapfrogs": Expected(
        "right",
        "a random number of leapfrogs, so steps of random cost",
        "T = 1.01, 1.00",
    ),
    "random_walk": Expected(
        "right",
        "no gradient, no step size; adapts in burn-in",
        "T = 0.99–1.00",
    ),
    "replica_exchange": Expected(
        "right",
        "two states a chain; moves away from exact draws until the hot one is warm",
        "T = 0.98–0.99 after two relaxation times, 1.000–1.006 ± 0.004 after 25",
    ),
    "sghmc_euler": Expected(
        "right",
        "large O(ε) bias; unstable at κ = 0.06 on a curved posterior",
        "T = 1.23–1.33, 1.04–1.07, 1.02; two-parameter network: diverges, 1.50, 0.98",
    ),
    "sgnht": Expected(
        "right",
        "O(√ε) bias; diverges from afar at the default step",
        "T = 0.98–0.99, –, 0.994–1.000; diverges in the contract checks, from afar",
    ),
    "student_noise_scaled": Expected(
        "right",
        "noise of six degrees of freedom; one-step noise is not Gaussian",
        "T = 1.021, 0.994, 1.005 ± 0.009",
    ),
    "tensor_by_tensor": Expected(
        "right",
        "one tensor at a time",
        "T = 0.98–1.01, 1.00–1.03",
    ),
    "uniform_noise": Expected(
        "right",
        "uniform noise; one-step noise is not Gaussian",
        "T = 1.00–1.03, 1.01–1.03",
    ),
    "uniform_walk": Expected(
        "right",
        "uniform proposals; mixes slowly at small ε",
        "T = 0.98–1.02, 0.99–1.02",
    ),
}
