source("benchmarks/r/common.R")
x <- as.formula(paste("answered ~", paste(c(margins, numbers), collapse = " + ")))
timed(list(
  logistic = function() function() fitted(glm(x, family = binomial, data = df))
))
