"""Clean processes in milliseconds: one process imports everything once and forks a child for each notebook."""
