# Scores, rates and their standard errors of the real survey, by R survey: Rscript THIS.R answers.csv
# answers.csv: columns of the data file, codes only (withinwt, REGION, Q43A ... Q49T).
# Written without our formulas: totals of items and of their denominators, then R's own symbolic delta method.
suppressMessages(library(survey))
options(digits = 17)
d <- read.csv(commandArgs(trailingOnly = TRUE)[1])
trust <- c("Q43A", "Q43B", "Q43D", "Q43G", "Q43I")
clean <- c("Q44A", "Q44B", "Q44C", "Q44D", "Q44E", "Q44F")
for (q in c(trust, clean)) {
  ok <- d[[q]] %in% 0:3
  share <- d[[q]] / 3
  d[[paste0("y", q)]] <- ifelse(ok, 100 * (if (q %in% clean) 1 - share else share), 0)
  d[[paste0("d", q)]] <- as.numeric(ok)
}
pay <- c(Q49C = "Q49A", Q49G = "Q49D", Q49K = "Q49H", Q49N = "Q49L", Q49R = "Q49O", Q49T = "Q49S")
for (q in names(pay)) {
  met <- d[[pay[q]]]; met <- ifelse(met %in% 0:3, as.numeric(met > 0), NA)
  yes <- ifelse(d[[q]] %in% 0:3, as.numeric(d[[q]] > 0), NA)
  d[[paste0("c", q)]] <- ifelse(!is.na(met) & met == 1, yes, NA)
  d[[paste0("r", q)]] <- ifelse(!is.na(met) & met == 0, 0, yes)
}
mean_of <- function(qs) paste0("(", paste(sprintf("y%s/d%s", qs, qs), collapse = "+"), ")/", length(qs))
dims <- c(trust = sprintf("(%s + %s)/2", mean_of(trust[1:3]), mean_of(trust[4:5])), cleanness = mean_of(clean))
dims["score"] <- sprintf("((%s) + (%s))/2", dims["trust"], dims["cleanness"])
designs <- list(weights = svydesign(ids = ~1, weights = ~withinwt, data = d),
                strata = svydesign(ids = ~1, strata = ~REGION, weights = ~withinwt, data = d))
for (name in names(designs)) {
  des <- designs[[name]]
  tot <- svytotal(as.formula(paste("~", paste(c(paste0("y", c(trust, clean)), paste0("d", c(trust, clean))), collapse = "+"))), des)
  for (k in names(dims)) {
    r <- svycontrast(tot, parse(text = dims[k])[[1]])
    cat(sprintf('    ("%s", "%s", ""): (%.17g, %.17g),\n', name, k, coef(r), SE(r)))
  }
  for (q in names(pay)) for (den in c("r", "c")) {
    v <- paste0(den, q)
    m <- svymean(as.formula(paste0("~", v)), subset(des, !is.na(d[[v]])))
    cat(sprintf('    ("%s", "%s", "%s"): (%.17g, %.17g),\n', name, tolower(q), c(r = "respondents", c = "contacts")[den], 100 * coef(m), 100 * SE(m)))
  }
}
cat(R.version.string, "survey", as.character(packageVersion("survey")), "\n")
