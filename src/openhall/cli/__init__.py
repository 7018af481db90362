"""The command line: help that teaches, results for people or as JSON, and an exit code for each kind of ending."""
