"""Processes that compute beside the one that serves: simulations and studies."""
