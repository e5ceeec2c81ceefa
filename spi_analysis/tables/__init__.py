"""Tables in and out: contracts, importers, the round's store and the contact vault."""
