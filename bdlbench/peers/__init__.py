"""Samplers of other libraries: what they claim, their certificates, and a table of the verdicts.

Each is a plugin file in ``plugins/`` and an entry of `catalogue.PEERS`. `certify.certify` runs
``bdlbench check`` on those whose library is installed; `verdicts` and `page` present the outcome.
"""
