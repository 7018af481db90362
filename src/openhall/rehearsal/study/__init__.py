"""A study file becomes a plan, and a carried-out plan becomes a folder of results."""
