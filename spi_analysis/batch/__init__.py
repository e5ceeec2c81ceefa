"""The batch: every notebook for every institution."""
