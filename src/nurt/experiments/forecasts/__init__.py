"""Forecasters as experiments: trained on one series in order of time, judged beside what costs nothing."""
