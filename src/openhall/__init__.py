"""openhall keeps a bank's halls open through a surge."""
