"""openhall keeps a bank's halls open through a surge."""

from importlib.metadata import version

__version__ = version("openhall")
