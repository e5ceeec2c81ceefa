# Tests, margins, offsets and ordered answers by R survey: Rscript tests/reference/regression.R > tests/reference/regression_figures.csv
# The data, regression.csv, are generated: 24 units in 4 strata, answers with and without a missing x.
# Told to go on: R's fits stop at 1e-8 otherwise, and its Hessian of ordered answers is one of differences.
suppressMessages(library(survey))
d <- read.csv(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "regression.csv"))
d$age <- factor(d$age); d$sex <- factor(d$sex); d$q <- factor(d$q, ordered = TRUE)
whole <- svydesign(ids = ~c, strata = ~h, weights = ~w, fpc = ~n_psu, data = d)
designs <- list(taylor = whole, jackknife = as.svrepdesign(whole, type = "JKn"))
say <- function(design, figure, part, values) {
  cat(sprintf("%s,%s,%s,%d,%.17g\n", design, figure, part, seq_along(values) - 1, values), sep = "")
}
both <- function(design, figure, estimate, variance) {
  say(design, figure, "estimate", as.numeric(estimate)); say(design, figure, "se", sqrt(diag(as.matrix(variance))))
}
tested <- function(design, figure, test) {
  say(design, figure, "F", as.numeric(test$Ftest)); say(design, figure, "df", c(test$df, test$ddf)); say(design, figure, "p", as.numeric(test$p))
}
# svypredmeans of survey 4.1 stops with an error for replicates: this is its method, written out; for the Taylor design
# its own result must be the same.
margins <- function(model, design, column, values) {
  w <- weights(design, "sampling"); frame <- model.frame(design)
  predicted <- lapply(values, function(value) {
    frame[[column]] <- if (is.factor(frame[[column]])) factor(value, levels(frame[[column]])) else value
    read <- model.frame(delete.response(terms(model)), frame)
    x <- model.matrix(terms(read), read)
    # predict() of survey 4.1 leaves the offset out.
    eta <- as.numeric(x %*% coef(model)) + if (is.null(model.offset(read))) 0 else model.offset(read)
    list(model$family$linkinv(eta), colSums(w * model$family$mu.eta(eta) * x) / sum(w))
  })
  means <- svymean(sapply(predicted, `[[`, 1), design)
  slopes <- sapply(predicted, `[[`, 2)
  list(means = coef(means), var = t(slopes) %*% vcov(model) %*% slopes + vcov(means))
}
exact <- glm.control(epsilon = 1e-15, maxit = 200)
cat("design,figure,part,place,value\n")
for (name in names(designs)) {
  s <- designs[[name]]
  logit <- svyglm(z ~ age + sex + x, s, family = quasibinomial, control = exact)
  count <- svyglm(k ~ age * sex + x + offset(log(days)), s, family = quasipoisson, control = exact)
  line <- svyglm(y ~ age + x + offset(2 * days / 60), s)
  shifted <- svyglm(z ~ age + x + offset(days / 60), s, family = quasibinomial, control = exact)
  both(name, "logit", coef(logit), vcov(logit))
  both(name, "count", coef(count), vcov(count))
  both(name, "line", coef(line), vcov(line))
  both(name, "shifted", coef(shifted), vcov(shifted))
  tested(name, "logit age", regTermTest(logit, ~age))
  tested(name, "logit age sex", regTermTest(logit, ~age + sex))
  tested(name, "count age:sex", regTermTest(count, ~age:sex))
  women <- svyglm(y ~ age + x, subset(s, sex == "f"))
  both(name, "women", coef(women), vcov(women))
  tested(name, "women age", regTermTest(women, ~age))
  known <- subset(s, !is.na(x))
  adjusted <- svyglm(z ~ age + sex + x, known, family = quasibinomial, control = exact)
  margin <- margins(adjusted, known, "age", levels(d$age))
  both(name, "margins of z", margin$means, margin$var)
  margin <- margins(adjusted, known, "x", c(1, 3))
  both(name, "margins at x", margin$means, margin$var)
  counted <- svyglm(k ~ age + sex + x + offset(log(days)), known, family = quasipoisson, control = exact)
  margin <- margins(counted, known, "sex", levels(d$sex))
  both(name, "margins of k", margin$means, margin$var)
  table <- svychisq(~age + z, s, statistic = "F")
  say(name, "crosstab", "test", as.numeric(c(table$statistic, table$parameter, table$p.value)))
  shares <- svyby(~z, ~age, s, svymean)
  say(name, "crosstab", "share", as.numeric(coef(shares))); say(name, "crosstab", "se", as.numeric(SE(shares)))
  for (one in levels(d$age)) {
    limits <- confint(svyciprop(~I(z == 1), subset(s, age == one), method = "logit"))
    say(name, paste("crosstab", one), "limits", as.numeric(limits))
  }
  cells <- svymean(~interaction(age, z), s)
  both(name, "crosstab cells", cells, vcov(cells))
}
known <- subset(whole, !is.na(x))
own <- svypredmeans(svyglm(z ~ sex + x, known, family = quasibinomial, control = exact), ~age)
ours <- margins(svyglm(z ~ age + sex + x, known, family = quasibinomial, control = exact), known, "age", names(coef(own)))
stopifnot(all.equal(as.numeric(coef(own)), as.numeric(ours$means), tolerance = 1e-12))
stopifnot(all.equal(as.numeric(SE(own)), sqrt(diag(as.matrix(ours$var))), tolerance = 1e-12, check.attributes = FALSE))
tight <- list(reltol = 1e-16, ndeps = rep(1e-4, 7), maxit = 1000)
ordered <- svyolr(q ~ age + x + sex, whole, control = tight)
both("taylor", "ordered", c(ordered$coefficients, ordered$zeta), ordered$var)
tested("taylor", "ordered age", regTermTest(ordered, ~age))
moved <- svyolr(q ~ age + x + offset(days / 60), whole, control = list(reltol = 1e-16, ndeps = rep(1e-4, 6), maxit = 1000))
both("taylor", "ordered shifted", c(moved$coefficients, moved$zeta), moved$var)
# svyolr of survey 4.1 finds the same coefficients in all replicates: polr for each, and R's own svrVar.
people <- d[!is.na(d$x), ]
drop <- subset(designs$jackknife, !is.na(x))
fitted <- function(w) {
  people$w <- w / mean(w)
  fit <- MASS::polr(q ~ age + x + sex, people, weights = w, control = list(reltol = 1e-16, maxit = 1000))
  c(fit$coefficients, fit$zeta)
}
whole_fit <- fitted(people$w)
variance <- svrVar(t(suppressWarnings(apply(weights(drop, "analysis"), 2, fitted))), drop$scale, drop$rscales, mse = drop$mse, coef = whole_fit)
both("jackknife", "ordered", whole_fit, variance)
# The scores of the sample's fit added up in each replicate (Hu and Kalbfleisch 2000), instead of a fit to each.
once <- svyglm(z ~ age + sex + x, subset(whole, !is.na(x)), family = quasibinomial, control = exact)
x <- model.matrix(once); mu <- as.numeric(once$fitted.values); w <- people$w
influence <- (x * (people$z - mu)) %*% solve(t(x) %*% (x * w * mu * (1 - mu)))
moved <- t(coef(once) + t(influence) %*% weights(drop, "analysis"))
both("jackknife", "logit scores", coef(once), svrVar(moved, drop$scale, drop$rscales, mse = drop$mse, coef = coef(once)))
cat(sprintf("# %s, survey %s, %s\n", R.version.string, packageVersion("survey"), Sys.Date()))
