source("benchmarks/r/common.R")
y <- formula_of(scores)
design_of <- function() svydesign(id = ~1, strata = ~stratum, weights = ~weight, fpc = ~pop_size, data = df)
both <- function(design) list(svymean(y, design), svyby(y, ~domain, design, svymean))
timed(list(
  means = function() { design <- design_of(); function() both(design) },
  with_design = function() function() both(design_of())
))
