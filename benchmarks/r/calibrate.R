source("benchmarks/r/common.R")
design <- svydesign(id = ~1, weights = ~weight, data = df)
x <- formula_of(c(margins, numbers))
# R's totals: the intercept, every level but the first, the numbers.
population <- c(
  `(Intercept)` = totals$total[totals$name == "(intercept)"],
  unlist(lapply(margins, function(name) {
    part <- totals[totals$name == name & totals$level != "0", ]
    setNames(part$total, paste0(name, part$level))
  })),
  setNames(totals$total[match(numbers, totals$name)], numbers)
)
timed(list(
  linear = function() function() calibrate(design, x, population),
  raking = function() function() calibrate(design, x, population, calfun = "raking"),
  logit = function() function() calibrate(design, x, population, calfun = "logit", bounds = c(0.5, 2))
))
