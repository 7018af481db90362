"""A whole day through the real code: recorded, invented or random."""
