"""Games: coalitions of regions or of parts of a drawn scene, and their exact values."""
