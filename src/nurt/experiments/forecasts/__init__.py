"""Forecasters as experiments: trained on one series in order of time, compared with baselines."""
