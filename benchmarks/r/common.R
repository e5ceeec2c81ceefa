# Arguments: work, n, folder, runs. Reads the data, times one of `works`, prints one line.
suppressMessages(library(survey))
arguments <- commandArgs(trailingOnly = TRUE)
work <- arguments[1]; n <- as.integer(arguments[2]); folder <- arguments[3]; runs <- as.integer(arguments[4])
patience <- 20

margins <- c("sex", "age", "province", "position")
columns <- readLines(file.path(folder, paste0(n, ".columns")))
file <- file(file.path(folder, paste0(n, ".doubles")), "rb")
df <- as.data.frame(lapply(setNames(columns, columns), function(name) readBin(file, "double", n, endian = "little")))
close(file)
for (name in margins) df[[name]] <- factor(df[[name]])
totals <- read.csv(file.path(folder, paste0(n, ".totals.csv")), colClasses = c("character", "character", "numeric"))
scores <- paste0("score", 1:25)
numbers <- scores[1:10]

margin_totals <- lapply(setNames(margins, margins), function(name) {
  part <- totals[totals$name == name, ]
  setNames(data.frame(part$level, part$total), c(name, "Freq"))
})
formula_of <- function(names) as.formula(paste("~", paste(names, collapse = " + ")))

timed <- function(works) {
  run <- works[[work]]()
  seconds <- c()
  while (length(seconds) < runs && sum(seconds) < patience) {
    start <- proc.time()[["elapsed"]]
    run()
    seconds <- c(seconds, proc.time()[["elapsed"]] - start)
  }
  cat("TIMED {\"seconds\": [", paste(format(seconds, digits = 6), collapse = ", "), "]}\n", sep = "")
}
