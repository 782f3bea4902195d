"""The metrics of class probabilities on the test set."""

from __future__ import annotations

from bdlbench import metrics
from bdlbench.metrics import calibration, conformal, losses, selective
from bdlbench.metrics.description import Metric

CLASSES = (
    Metric("accuracy", "accuracy", "up",
           "Share of inputs whose most probable class is the label; of classes whose probabilities "
           "are equal to a relative 2⁻²⁸, the first counts as the most probable.",
           parts=losses.mean_of(metrics.correct),
           limits="How sure the predictions are."),
    Metric("negative_log_likelihood", "NLL", "down", "Mean of −log p(label), in nats.",
           parts=losses.mean_of(metrics.log_losses), unit="nats",
           source="Good (1952)",
           limits="Whether few very wrong inputs or many slightly wrong ones are the cause: one "
           "label with p = 0 decides."),
    Metric("brier_score", "Brier", "down", "Mean of Σ_c (p_c − [c = label])², in [0, 2].",
           parts=losses.mean_of(metrics.squared_errors), source="Brier (1950)",
           limits="How small a small probability is: 0.01 and 0.0001 cost nearly the same."),
    Metric("expected_calibration_error", "ECE (15 bins)", "down",
           "Mean |confidence − accuracy| over 15 equal-width, right-closed bins of the highest "
           "probability, weighted by the inputs in each.",
           parts=calibration.expected, source="Naeini et al. (2015); Guo et al. (2017, eq. 3)",
           limits="Anything about classes other than the most probable, or about accuracy: "
           "constant predictions of the base rate score 0. It is biased upwards with few inputs."),
    Metric("ece_if_calibrated", "ECE if calibrated", "none",
           "Expected ECE (15 bins) of a calibrated predictor with the same confidences p: mean of "
           "Σ_b √(2 V_b/π), where V_b = Σ p(1 − p)/n² over the inputs of a bin.",
           parts=calibration.if_calibrated, source="the half-normal mean; Kumar et al. (2019)",
           limits="Anything about the predictor's own calibration: an ECE near it cannot be told "
           "from none."),
    Metric("ece_if_calibrated_at_most", "ECE if calibrated, 97.5 %", "none",
           "97.5 % quantile of the ECE of a calibrated predictor with the same confidences: mean "
           "and 1.96 standard deviations, √((1 − 2/π) Σ_b V_b).",
           parts=calibration.if_calibrated_at_most, source="the half-normal variance",
           limits="Anything about the predictor's own calibration."),
    Metric("adaptive_calibration_error", "ACE (15 ranges)", "down",
           "Mean |p − frequency| over classes and, for each class, 15 ranges of p with equal "
           "numbers of inputs; inputs whose p is equal to a relative 2⁻²⁸ share their mean "
           "frequency.",
           parts=calibration.adaptive, source="Nixon et al. (2019)",
           limits="Much, with many classes: most ranges then hold probabilities near 0."),
    Metric("classwise_calibration_error", "class-wise ECE (15 bins)", "down",
           "Mean over classes of the calibration error of p_c: |p_c − frequency of c| over 15 "
           "equal-width, right-closed bins of p_c, weighted by the inputs in each.",
           parts=calibration.classwise, source="Kull et al. (2019, eq. 3)",
           limits="Much, with many classes: most inputs are then in the lowest bin of each."),
    Metric("joint_nll_10", "joint NLL (τ = 10)", "down",
           "Mean of −log of the draws' average of Π p(label∣x, θ) over 10 consecutive test inputs, "
           "in nats, on the first 200 test inputs.",
           parts=losses.joint, unit="nats", source="Osband et al. (2022)",
           limits="Anything across runs with different numbers of draws, which it favours: compare "
           "it at equal draws only. With 20 tens of inputs, its error is large."),
    Metric("aurc", "AURC", "down",
           "Mean over k = 1…n of the share of errors among the k test inputs with the highest "
           "max_c p_c; inputs of equal confidence share their mean error.",
           parts=selective.aurc, source="Geifman & El-Yaniv (2017); the discrete sum",
           limits="Whether accuracy or the ranking is the cause. The few most confident inputs "
           "weigh most."),
    Metric("augrc", "AUGRC", "down",
           "Area under (errors among the k most confident test inputs) ÷ n against k ÷ n, by the "
           "trapezoidal rule at distinct confidences.",
           parts=selective.augrc, source="Traub et al. (2024)",
           limits="Whether accuracy or the ranking is the cause."),
    Metric("conformal_set_size", "set size (LAC 90 %)", "down",
           "Mean number of classes in 90 % conformal prediction sets, {c: p_c ≥ t}; each half of "
           "the test inputs (odd and even places) is calibrated on the other.",
           parts=conformal.set_size, unit="classes",
           source="Sadinle, Lei & Wasserman (2019)",
           limits="Anything without the coverage beside it; sets may be empty, and hard classes "
           "are covered less than easy ones."),
    Metric("conformal_coverage", "coverage (LAC 90 %)", "none",
           "Share of labels in the sets of conformal_set_size.",
           parts=conformal.coverage, source="Sadinle, Lei & Wasserman (2019)",
           limits="Anything about the sampler: it is 90 % for every model, up to chance and "
           "whole numbers."),
)  # fmt: skip
"""In the order of tables."""
