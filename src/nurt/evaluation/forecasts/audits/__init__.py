"""Audits of a forecasting pipeline: causality, copying of the last value, leakage from the future."""
