"""The command line: help that teaches, results for people or as JSON, an exit code for each ending."""
