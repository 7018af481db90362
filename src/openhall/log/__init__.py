"""The event log: what happened, kept in order, on disk before anybody is told of it."""
