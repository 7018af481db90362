"""The HTTP door: an API, event streams, and the screens of the hall. It parses, calls and renders."""
