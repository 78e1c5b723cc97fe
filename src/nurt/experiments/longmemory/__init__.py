"""Memory benchmarks: recurrent networks trained within a budget and compared with baselines."""
