"""What the analysts' notebooks show: design, fieldwork, weights, scores."""
