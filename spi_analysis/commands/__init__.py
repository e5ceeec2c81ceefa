"""The commands of `spi`, a room each."""
