source("benchmarks/r/common.R")
# R's Rao-Wu bootstrap (n_h - 1 draws) has no finite population correction.
y <- formula_of(scores)
design <- svydesign(id = ~1, strata = ~stratum, weights = ~weight, data = df)
replicated <- function() as.svrepdesign(design, type = "subbootstrap", replicates = 500)
timed(list(
  means = function() function() svymean(y, replicated()),
  raked_means = function() function() svymean(y, rake(replicated(), lapply(margins, formula_of), unname(margin_totals))),
  written = function() function() weights(replicated(), type = "analysis")
))
