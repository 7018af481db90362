"""Waits foretold from what a hall shows: features, baselines, quantile models and their calibration."""
