"""The command line: one file per command; a command shows the result of a function of nurt.

Nothing heavy is imported before a command runs, so that ``nurt --help`` answers at once.
"""
