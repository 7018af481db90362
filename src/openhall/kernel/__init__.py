"""What every room shares: time, names, events, refusals. Standard library and msgspec only."""
