"""What a person typed into one cell, and what it means. No files, no tables."""
