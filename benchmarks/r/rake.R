source("benchmarks/r/common.R")
design <- svydesign(id = ~1, weights = ~weight, data = df)
timed(list(
  raked = function() function() rake(design, lapply(margins, formula_of), unname(margin_totals))
))
