"""The only place that builds things: the parts of openhall, wired together."""
