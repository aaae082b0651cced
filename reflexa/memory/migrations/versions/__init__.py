"""One module per migration, each described by itself alone: later changes of the schema must not change it."""
