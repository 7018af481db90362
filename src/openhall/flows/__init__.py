"""What one room's affairs mean for another, and the read models that serve several."""
