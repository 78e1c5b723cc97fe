"""The command line: one file per command; what a command shows is a result that some function of nurt returned.

Nothing heavy is imported before a command runs, so that ``nurt --help`` answers at once.
"""
