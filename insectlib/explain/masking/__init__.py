"""Hidden regions: segments, baselines, maskers, and masked pictures through a network."""
