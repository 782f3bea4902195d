"""HMC and NUTS within a budget of gradient evaluations."""
