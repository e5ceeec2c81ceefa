"""What `check_round` looks at, one module per place: parameter files, the store, the vault."""
