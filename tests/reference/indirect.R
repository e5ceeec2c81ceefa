# A list experiment by R survey: Rscript tests/reference/indirect.R; its figures stand in
# tests/survey/estimation/test_indirect_questions.py. Rows: combinedListExps of the R package list 9.2.6 (Aronow,
# Coppock, Crawford & Green 2015), complete rows asked directly first, as counts of (direct, long list, number).
suppressMessages(library(survey)); options(digits = 13)
cells <- list(c(0,0,1,3), c(0,0,2,30), c(0,0,3,36), c(0,0,4,27), c(0,1,2,26), c(0,1,3,31), c(0,1,4,17), c(0,1,5,2),
  c(1,0,1,2), c(1,0,2,35), c(1,0,3,69), c(1,0,4,53), c(1,1,2,7), c(1,1,3,42), c(1,1,4,40), c(1,1,5,80))
d <- do.call(rbind, lapply(cells, function(k) data.frame(d = rep(k[1], k[4]), z = k[2], y = k[3])))
d$w <- 1 + (seq_len(nrow(d)) - 1) %% 4; d$h <- (seq_len(nrow(d)) - 1) %% 5
figures <- function(w, d) {
  m <- function(v, k) sum((w * v)[k]) / sum(w[k]); z <- d$z; y <- d$y; q <- d$d; share <- m(q, TRUE)
  no <- m(y, z == 1 & q == 0) - m(y, z == 0 & q == 0)
  c(list = m(y, z == 1) - m(y, z == 0), direct = share, combined = share + (1 - share) * no, gap = (1 - share) * no,
    placebo_yes = m(y, z == 1 & q == 1) - m(y, z == 0 & q == 1) - 1, placebo_arm = m(q, z == 1) - m(q, z == 0))
}
whole <- svydesign(~1, weights = ~w, strata = ~h, data = d)
# Linearised: the same functions of the totals, by svycontrast.
x <- update(whole, nl = 1 * (z == 1), ns = 1 * (z == 0), yl = y * (z == 1), ys = y * (z == 0), tn = (z == 1) * (d == 0),
  cn = (z == 0) * (d == 0), ytn = y * (z == 1) * (d == 0), ycn = y * (z == 0) * (d == 0), ty = (z == 1) * (d == 1),
  cy = (z == 0) * (d == 1), yty = y * (z == 1) * (d == 1), ycy = y * (z == 0) * (d == 1), dl = d * (z == 1),
  ds = d * (z == 0), one = 1 + 0 * d)
totals <- svytotal(~one + d + nl + ns + yl + ys + tn + cn + ytn + ycn + ty + cy + yty + ycy + dl + ds, x)
r <- svycontrast(totals, list(plain = quote(yl / nl - ys / ns), direct = quote(d / one),
  combined = quote(d / one + (1 - d / one) * (ytn / tn - ycn / cn)), gap = quote((1 - d / one) * (ytn / tn - ycn / cn)),
  placebo_yes = quote(yty / ty - ycy / cy - 1), placebo_arm = quote(dl / nl - ds / ns)))
print(coef(r)); print(SE(r))
r <- withReplicates(as.svrepdesign(whole, type = "JKn"), figures)
print(SE(r))
# Crosswise with p = 0.25, the column d read as "the same answer".
m <- svymean(~d, whole)
print(c((coef(m) + 0.25 - 1) / (2 * 0.25 - 1), SE(m) / abs(2 * 0.25 - 1)))
