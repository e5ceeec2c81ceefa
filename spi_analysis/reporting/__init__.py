"""Reports: words, tables, charts, pages."""
